#include "worker/pool.h"

#include <system_error>

#include <catch2/catch.hpp>

namespace pawl::worker {
namespace {

std::vector<std::shared_ptr<Run>> runs(std::size_t count) {
  std::vector<std::shared_ptr<Run>> all;
  for (std::size_t slot = 0; slot < count; ++slot) {
    all.push_back(std::make_shared<Run>());
    all.back()->slot = slot;
  }
  return all;
}

TEST_CASE("without a single thread a pool gives back what it cannot run", "[worker][pool]") {
  const auto refuse = [](const std::function<void()>&) {
    throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
  };
  const auto pool = std::make_shared<Pool>(
      4, [] {}, refuse);
  CHECK(pool->add(runs(3)).size() == 3);
  CHECK(pool->add(runs(2)).size() == 2);
  CHECK(pool->take_finished().empty());
  pool->close();
  CHECK(pool->join(std::chrono::steady_clock::now()));
}

TEST_CASE("a pool that gets one thread makes do with it", "[worker][pool]") {
  std::vector<std::function<void()>> started;
  const auto start = [&](std::function<void()> work) {
    if (!started.empty()) {
      throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    }
    started.push_back(std::move(work));
  };
  const auto pool = std::make_shared<Pool>(
      4, [] {}, start);
  const Handler handler = [](Context&) { return Output("done"); };
  auto some = runs(3);
  for (const auto& run : some) run->handler = &handler;
  CHECK(pool->add(some).empty());
  CHECK(pool->add({}).empty());
  pool->close();
  started.front()();
  CHECK(pool->join(std::chrono::steady_clock::now()));
}

}  // namespace
}  // namespace pawl::worker
