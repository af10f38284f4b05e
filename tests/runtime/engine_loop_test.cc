#include "broker/runtime/engine_loop.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include <catch2/catch.hpp>

#include "broker/runtime/system_clock.h"
#include "broker/store/memory_store.h"

namespace pawl::test {

namespace {

using namespace std::chrono_literals;
using Fault = store::MemoryStore::Fault;
using runtime::EngineLoop;

// Far longer than anything here takes: only a test that fails waits for it.
constexpr auto kPatience = 20s;

class Replies final : public runtime::ReplySink {
 public:
  void deliver(std::vector<core::Reply>&& replies) override {
    const std::lock_guard lock(mutex_);
    for (core::Reply& reply : replies) replies_[reply.ticket] = std::move(reply);
    came_.notify_all();
  }
  std::optional<core::Reply> wait_for(core::Ticket ticket) {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, kPatience, [&] { return replies_.count(ticket) != 0; })) return {};
    return replies_[ticket];
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return replies_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::map<core::Ticket, core::Reply> replies_;
};

// A loop on its real threads over a memory store.
struct Running {
  explicit Running(store::Caps::Recovery recovery = store::Caps::Recovery::acquire)
      : memory(with(recovery)) {
    start();
  }

  static store::MemoryOptions with(store::Caps::Recovery recovery) {
    store::MemoryOptions options;
    options.caps.recovery = recovery;
    return options;
  }

  void start(runtime::LoopOptions options = {}) {
    options.look_at_space_every = 1ms;
    options.on_fatal = [this](const std::string& why) {
      const std::lock_guard lock(mutex);
      fatal = why;
      died.notify_all();
    };
    loop = std::make_unique<EngineLoop>(options, memory, clock, replies);
    REQUIRE(loop->wait_until_ready(kPatience));
  }

  core::Ticket ticket() { return {1, ++requests}; }

  core::Ticket post(core::Command command) {
    const core::Ticket to = runtime::ticket_of(command);
    while (!loop->post(std::move(command), 100)) std::this_thread::yield();
    return to;
  }
  core::Ticket enqueue() {
    core::Enqueue enqueue;
    enqueue.ticket = ticket();
    enqueue.batch = {(core::to_ms(clock.now().at) << 16) | 0x7000,
                     (0x8000ULL << 48) | (enqueue.ticket.request << 12)};
    enqueue.ns = "default";
    enqueue.queue = "q";
    enqueue.job_count = 1;
    enqueue.jobs =
        core::Blob::copy_of(std::string("\x0a\x03"
                                        "job"));
    core::JobGroup group;
    group.type = "t";
    group.jobs = core::IndexSet::single(0);
    enqueue.groups.push_back(group);
    return post(std::move(enqueue));
  }
  core::Ticket beat() {
    core::Heartbeat heartbeat;
    heartbeat.ticket = ticket();
    return post(std::move(heartbeat));
  }
  core::Errc code_of(core::Ticket to) {
    const auto reply = replies.wait_for(to);
    REQUIRE(reply);
    const auto* refused = std::get_if<core::Refused>(&reply->body);
    return refused == nullptr ? core::Errc::ok : refused->code;
  }
  std::string wait_for_death() {
    std::unique_lock lock(mutex);
    died.wait_for(lock, kPatience, [&] { return !fatal.empty(); });
    return fatal;
  }
  std::uint64_t pending() {
    core::QueueStats stats;
    stats.ticket = ticket();
    stats.ns = "default";
    const auto reply = replies.wait_for(post(std::move(stats)));
    REQUIRE(reply);
    const auto& queues = std::get<core::Counted>(reply->body).queues;
    return queues.empty() ? 0 : queues.front().pending;
  }

  store::MemoryStore memory;
  runtime::SystemClock clock;
  Replies replies;
  std::mutex mutex;
  std::condition_variable died;
  std::string fatal;
  std::uint64_t requests = 0;
  std::unique_ptr<EngineLoop> loop;
};

}  // namespace

TEST_CASE("an enqueue is answered once it is committed", "[runtime][loop]") {
  Running running;
  CHECK(running.code_of(running.enqueue()) == core::Errc::ok);
  CHECK(running.pending() == 1);
  CHECK(running.loop->counters().commits >= 1);
}

TEST_CASE("a clean stop keeps what was accepted and the next loop serves it", "[runtime][loop]") {
  Running running;
  for (int i = 0; i < 50; ++i) running.enqueue();
  CHECK(running.loop->stop(kPatience) == EngineLoop::Stopped::clean);
  CHECK(running.replies.count() == 50);
  CHECK_FALSE(running.loop->post(core::Heartbeat{}, 0));

  running.memory.crash();
  running.start();
  CHECK(running.pending() == 50);
  CHECK(running.loop->totals().pending == 50);
}

TEST_CASE("after an unknown outcome the loop acquires again and goes on", "[runtime][loop]") {
  const auto fault = GENERATE(Fault::unknown_applied, Fault::unknown_lost, Fault::rejected);
  Running running;
  running.memory.inject(fault);
  CHECK(running.code_of(running.enqueue()) == core::Errc::unavailable);
  CHECK(running.code_of(running.enqueue()) == core::Errc::ok);
  CHECK(running.pending() == (fault == Fault::unknown_applied ? 2 : 1));
  CHECK(running.loop->counters().epochs == 2);
}

TEST_CASE("where only a restart helps the loop dies of a failed commit", "[runtime][loop]") {
  Running running(store::Caps::Recovery::restart);
  running.memory.inject(Fault::unknown_lost);
  running.enqueue();
  CHECK(running.wait_for_death() == "injected");
  CHECK(running.loop->stop(kPatience) == EngineLoop::Stopped::cut_off);
  CHECK(running.replies.count() == 0);
  CHECK_FALSE(running.loop->post(core::Heartbeat{}, 0));
}

TEST_CASE("the loop dies of a failed read", "[runtime][loop]") {
  Running running;
  running.memory.fail_next_read("damaged");
  core::GetJobs get;
  get.ticket = running.ticket();
  get.ids.push_back({0x1234'7000, 0x8000ULL << 48});
  running.post(std::move(get));
  CHECK(running.wait_for_death() == "damaged");
}

TEST_CASE("new jobs are refused while the disk is nearly full", "[runtime][loop]") {
  Running running;
  running.memory.set_space({.free_bytes = 100 << 20, .total_bytes = std::uint64_t{1} << 40});
  while (running.code_of(running.enqueue()) != core::Errc::disk_full) std::this_thread::yield();
  CHECK(running.code_of(running.beat()) != core::Errc::disk_full);

  running.memory.set_space({.free_bytes = 260 << 20, .total_bytes = std::uint64_t{1} << 40});
  CHECK(running.code_of(running.enqueue()) == core::Errc::disk_full);

  running.memory.set_space({.free_bytes = 300 << 20, .total_bytes = std::uint64_t{1} << 40});
  while (running.code_of(running.enqueue()) == core::Errc::disk_full) std::this_thread::yield();
}

TEST_CASE("every command of many threads is answered", "[runtime][loop]") {
  Running running;
  std::vector<std::thread> threads;
  std::vector<std::vector<core::Ticket>> tickets(3);
  std::atomic<std::uint64_t> ids{1'000'000};
  for (std::size_t thread = 0; thread < tickets.size(); ++thread) {
    threads.emplace_back([&, thread] {
      for (std::uint64_t i = 1; i <= 300; ++i) {
        core::Heartbeat heartbeat;
        heartbeat.ticket = {thread + 10, i};
        tickets[thread].push_back(running.post(std::move(heartbeat)));
      }
    });
  }
  for (int i = 0; i < 100; ++i) running.enqueue();
  for (std::thread& thread : threads) thread.join();
  CHECK(running.loop->stop(kPatience) == EngineLoop::Stopped::clean);
  CHECK(running.replies.count() == 1000);
}

TEST_CASE("a full inbox refuses and leaves the command as it was", "[runtime][loop]") {
  Running running;
  running.loop.reset();
  runtime::LoopOptions options;
  options.inbox_commands = 2;
  options.inbox_bytes = 150;
  running.start(options);
  core::Heartbeat heartbeat;
  heartbeat.ticket = {7, 7};
  core::Command command = heartbeat;
  CHECK_FALSE(running.loop->post(std::move(command), 151));
  CHECK(std::get<core::Heartbeat>(command).ticket == core::Ticket{7, 7});
  CHECK(running.loop->counters().commands_refused == 1);
}

}  // namespace pawl::test
