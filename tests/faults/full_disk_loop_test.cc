// The engine's loop on a disk that fills.

#include <filesystem>
#include <optional>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/faults/fault_store.h"
#include "tests/runtime/loop_over.h"

namespace pawl::test {

namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kDisk = 64 * kMiB;
constexpr std::uint64_t kMinFree = kDisk / 8;
constexpr std::uint64_t kReserve = kDisk / 64;
constexpr std::uint32_t kJobs = 40;

// A broker without a network, on a small disk.
struct SmallBroker {
  SmallBroker() {
    faulty.options.reserve_bytes = kReserve;
    faulty.options.write_buffer_bytes = kMiB;
    faulty.options.space = [this] {
      return store::Space{.free_bytes = faulty.disk().free_bytes(), .total_bytes = kDisk};
    };
    faulty.disk().fill(kDisk, reserve());
    open();
  }

  void open(runtime::LoopOptions options = LoopOver::attentive()) {
    running.reset();
    faulty.open();
    running.emplace(faulty.store());
    running->start(options);
  }
  std::filesystem::path reserve() const { return directory.path() / "data" / "reserve"; }

  // Somebody else takes all of the disk but so much, and the loop has seen it.
  void leave(std::uint64_t bytes) {
    faulty.disk().fill(faulty.disk().used_bytes() + bytes, reserve());
    running->store.wait_for_looks(2);
  }
  core::Errc enqueue() { return running->code_of(running->enqueue()); }

  template <class Answer>
  Answer ask(core::Command command) {
    const auto reply = running->replies.wait_for(running->post(std::move(command)));
    REQUIRE(reply);
    REQUIRE(std::holds_alternative<Answer>(reply->body));
    return std::get<Answer>(reply->body);
  }
  void open_session() {
    core::OpenSession open;
    open.ticket = running->ticket();
    open.fresh = {5, 6};
    session = ask<core::SessionOpened>(std::move(open)).session;
  }
  core::Granted fetch(std::uint32_t jobs) {
    core::Fetch fetch;
    fetch.ticket = running->ticket();
    fetch.session = session;
    fetch.ns = "default";
    fetch.queues = {"q"};
    fetch.credits = jobs;
    return ask<core::Granted>(std::move(fetch));
  }
  void complete(const core::Granted& granted) {
    core::Report report;
    report.ticket = running->ticket();
    report.session = session;
    for (const core::Delivery& delivery : granted.deliveries) {
      core::Outcome outcome;
      outcome.token = granted.token;
      outcome.batch = delivery.batch;
      outcome.jobs = delivery.jobs;
      report.outcomes.push_back(outcome);
    }
    CHECK(ask<core::Reported>(std::move(report)).refused.empty());
  }
  core::QueueCounts counts() {
    core::QueueStats stats;
    stats.ticket = running->ticket();
    stats.ns = "default";
    return ask<core::Counted>(std::move(stats)).queues.at(0);
  }

  TempDirectory directory;
  FaultStore faulty{directory.path() / "data"};
  std::optional<LoopOver> running;
  core::SessionId session;
};

}  // namespace

TEST_CASE("on a full disk the loop takes completions, and new jobs once there is room",
          "[faults][loop]") {
  SmallBroker broker;
  for (std::uint32_t i = 0; i < kJobs; ++i) REQUIRE(broker.enqueue() == core::Errc::ok);
  core::Enqueue before = broker.running->enqueue_command();
  REQUIRE(broker.running->code_of(broker.running->post(before)) == core::Errc::ok);
  broker.open_session();
  const core::Granted first = broker.fetch(kJobs / 2);
  const core::Granted second = broker.fetch(kJobs / 2);
  REQUIRE(first.deliveries.size() + second.deliveries.size() == kJobs);

  broker.leave(kMinFree / 2);
  CHECK(broker.enqueue() == core::Errc::disk_full);
  before.ticket = broker.running->ticket();
  CHECK(broker.ask<core::Accepted>(before).duplicate);  // It was accepted when there was room.
  broker.complete(first);

  broker.leave(kReserve / 8);
  CHECK_FALSE(std::filesystem::exists(broker.reserve()));
  CHECK(broker.enqueue() == core::Errc::disk_full);
  broker.complete(second);

  broker.leave(kDisk);
  CHECK(std::filesystem::exists(broker.reserve()));
  CHECK(broker.enqueue() == core::Errc::ok);

  CHECK(broker.running->loop->stop(kPatience) == EngineLoop::Stopped::clean);
  broker.open();
  CHECK(broker.counts().completed == kJobs);
  CHECK(broker.counts().pending == 2);
}

TEST_CASE("jobs that come between two looks at the disk do not fill it", "[faults][loop]") {
  SmallBroker broker;
  runtime::LoopOptions options;
  options.look_at_space_every = 1h;
  options.min_free_bytes = kMinFree;
  broker.open(options);

  std::uint64_t accepted = 0;
  while (broker.running->code_of(broker.running->enqueue(100'000)) == core::Errc::ok) ++accepted;
  CHECK(accepted > 100);
  CHECK(broker.faulty.disk().free_bytes() > kMinFree / 4);
  CHECK(broker.counts().pending == accepted);
}

TEST_CASE("a disk without any room ends the loop, and what was accepted is found again",
          "[faults][loop]") {
  SmallBroker broker;
  runtime::LoopOptions options = LoopOver::attentive();
  options.min_free_bytes = 0;
  broker.open(options);
  std::vector<core::Ticket> sent{broker.running->enqueue()};
  REQUIRE(broker.running->code_of(sent.front()) == core::Errc::ok);
  broker.faulty.disk().fill(broker.faulty.disk().used_bytes() + kMiB);

  const auto alive = [&] {
    const std::lock_guard lock(broker.running->mutex);
    return broker.running->fatal.empty();
  };
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (alive()) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    core::Command command = broker.running->enqueue_command(20'000);
    const core::Ticket ticket = runtime::ticket_of(command);
    if (broker.running->loop->post(std::move(command), 20'000)) sent.push_back(ticket);
  }
  CHECK(broker.running->wait_for_death().find("No space") != std::string::npos);
  CHECK(broker.running->loop->stop(kPatience) == EngineLoop::Stopped::cut_off);
  std::uint64_t accepted = 0;
  for (const core::Ticket& ticket : sent) {
    if (!broker.running->replies.has(ticket)) continue;
    CHECK(broker.running->code_of(ticket) == core::Errc::ok);
    ++accepted;
  }
  CHECK(accepted > 0);

  broker.faulty.disk().fill(kDisk, broker.reserve());
  broker.open();
  CHECK(broker.counts().pending >= accepted);
}

}  // namespace pawl::test
