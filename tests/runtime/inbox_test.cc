#include "broker/runtime/inbox.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "broker/runtime/doorbell.h"

namespace pawl::test {

using namespace std::chrono_literals;
using runtime::Doorbell;
using runtime::Inbox;

TEST_CASE("the inbox gives items in their order and refuses when it is full", "[runtime][inbox]") {
  Inbox<std::unique_ptr<int>> inbox(4, 1000);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 4; ++i) CHECK(inbox.post(std::make_unique<int>(i), 1));
    auto refused = std::make_unique<int>(9);
    CHECK_FALSE(inbox.post(std::move(refused), 1));
    CHECK(*refused == 9);
    for (int i = 0; i < 4; ++i) {
      CHECK(inbox.take_one([&](std::unique_ptr<int>&& item) { CHECK(*item == i); }));
    }
    CHECK(inbox.empty());
    CHECK(inbox.bytes() == 0);
    CHECK_FALSE(inbox.take_one([](std::unique_ptr<int>&&) {}));
  }
}

TEST_CASE("the inbox refuses bytes beyond its bound", "[runtime][inbox]") {
  Inbox<int> inbox(16, 100);
  CHECK(inbox.post(1, 60));
  CHECK_FALSE(inbox.post(2, 41));
  CHECK(inbox.post(3, 40));
  inbox.take_one([](int) {});
  CHECK(inbox.post(4, 60));
  CHECK(inbox.bytes() == 100);
}

TEST_CASE("everything that many threads post is taken once and in each thread's order",
          "[runtime][inbox]") {
  constexpr std::uint64_t kThreads = 3;
  constexpr std::uint64_t kItems = 20'000;
  Inbox<std::uint64_t> inbox(64, 1 << 20);
  Doorbell bell;
  std::vector<std::thread> posters;
  for (std::uint64_t thread = 0; thread < kThreads; ++thread) {
    posters.emplace_back([&, thread] {
      for (std::uint64_t i = 0; i < kItems;) {
        if (inbox.post(thread * kItems + i, 8)) {
          ++i;
          bell.ring();
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  std::vector<std::uint64_t> next(kThreads, 0);
  std::uint64_t wrong = 0;
  for (std::uint64_t taken = 0; taken < kThreads * kItems;) {
    const bool any = inbox.take_one([&](std::uint64_t item) {
      if (next[item / kItems]++ != item % kItems) ++wrong;
    });
    if (any) ++taken;
    // Far longer than the test may take: a lost ring would show as a hang.
    if (!any) bell.wait_for(60'000ms, [&] { return !inbox.empty(); });
  }
  for (std::thread& poster : posters) poster.join();
  CHECK(wrong == 0);
  CHECK(inbox.empty());
}

TEST_CASE("an eighth of the inbox is kept for what comes first", "[runtime][inbox]") {
  using runtime::Rank;
  Inbox<int> inbox(16, 160);
  SECTION("of its places") {
    for (int i = 0; i < 14; ++i) CHECK(inbox.post(std::move(i), 1, Rank::common));
    CHECK_FALSE(inbox.post(14, 1, Rank::common));
    CHECK(inbox.post(14, 1, Rank::first));
    CHECK(inbox.post(15, 1, Rank::first));
    CHECK_FALSE(inbox.post(16, 1, Rank::first));
  }
  SECTION("of its bytes") {
    CHECK(inbox.post(1, 140, Rank::common));
    CHECK_FALSE(inbox.post(2, 1, Rank::common));
    CHECK(inbox.post(2, 20, Rank::first));
    CHECK_FALSE(inbox.post(3, 1, Rank::first));
  }
  while (inbox.take_one([](int) {})) {
  }
  CHECK(inbox.bytes() == 0);
  CHECK(inbox.post(1, 140, Rank::common));
}

TEST_CASE("a doorbell lets go when the time is over, when it rings, and when there is something",
          "[runtime][inbox]") {
  const auto began = std::chrono::steady_clock::now();
  Doorbell bell;
  bell.wait_for(1ms, [] { return false; });
  bell.ring();  // Nobody is asleep: it is not remembered, what was published is.
  bell.wait_for(60'000ms, [] { return true; });

  std::atomic<bool> asleep{false};
  std::thread sleeper([&] {
    bell.wait_for(60'000ms, [&] {
      asleep = true;
      return false;
    });
  });
  while (!asleep) std::this_thread::yield();
  bell.ring();
  sleeper.join();
  CHECK(std::chrono::steady_clock::now() - began < 60s);
}

}  // namespace pawl::test
