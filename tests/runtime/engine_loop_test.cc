#include <fstream>
#include <future>
#include <unistd.h>

#include "tests/runtime/running.h"

namespace pawl::test {

namespace {

using Fault = store::MemoryStore::Fault;

// Has another thread stop the loop while its own is between looking for a stop and going to sleep.
class StopsInBetween final : public runtime::ReplySink {
 public:
  void deliver(std::vector<core::Reply>&&) override {
    std::promise<pid_t> begins;
    std::future<EngineLoop::Stopped> stopped = std::async(std::launch::async, [&] {
      begins.set_value(::gettid());
      return loop_->stop(kPatience);
    });
    const pid_t stopper = begins.get_future().get();
    while (serves() || !waits(stopper)) std::this_thread::yield();
    stopped_.set_value(std::move(stopped));
  }
  void connect(EngineLoop& loop) { loop_ = &loop; }
  // How long an idle loop took to stop.
  std::chrono::steady_clock::duration time_to_stop() {
    std::future<EngineLoop::Stopped> stopped = stopped_.get_future().get();
    const auto began = std::chrono::steady_clock::now();
    CHECK(stopped.get() == EngineLoop::Stopped::clean);
    return std::chrono::steady_clock::now() - began;
  }

 private:
  // A loop that serves counts what it refuses.
  bool serves() const {
    const std::uint64_t before = loop_->counters().commands_refused;
    const bool taken = loop_->post(core::QueueStats{}, runtime::LoopOptions{}.inbox_bytes + 1);
    return taken || loop_->counters().commands_refused != before;
  }

  static bool waits(pid_t thread) {
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string stat;
    std::getline(file, stat);
    const std::size_t name_ends = stat.rfind(") ");
    return name_ends != std::string::npos && stat[name_ends + 2] == 'S';
  }

  EngineLoop* loop_ = nullptr;
  std::promise<std::future<EngineLoop::Stopped>> stopped_;
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

TEST_CASE("a stop that comes just before the loop sleeps is not left lying", "[runtime][loop]") {
  constexpr auto kSoon = 500ms;  // It would sleep for a second.
  auto took = std::chrono::steady_clock::duration::max();
  for (int attempt = 0; attempt < 5 && took >= kSoon; ++attempt) {  // The machine may be busy.
    store::MemoryStore store{store::MemoryOptions{}};
    runtime::SystemClock clock;
    StopsInBetween sink;
    EngineLoop loop({}, store, clock, sink);
    REQUIRE(loop.wait_until_ready(kPatience));
    sink.connect(loop);
    core::Heartbeat heartbeat;
    heartbeat.ticket = {1, 1};
    REQUIRE(loop.post(std::move(heartbeat), 1));
    took = sink.time_to_stop();
  }
  CHECK(took < kSoon);
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
  constexpr std::uint64_t kDisk = std::uint64_t{1} << 40;
  Running running;
  running.memory.set_space({.free_bytes = 100 << 20, .total_bytes = kDisk});
  running.store.wait_for_looks(2);
  CHECK(running.code_of(running.enqueue()) == core::Errc::disk_full);
  CHECK(running.code_of(running.beat()) != core::Errc::disk_full);

  // Above the floor, but not by enough.
  running.memory.set_space({.free_bytes = 260 << 20, .total_bytes = kDisk});
  running.store.wait_for_looks(2);
  CHECK(running.code_of(running.enqueue()) == core::Errc::disk_full);

  running.memory.set_space({.free_bytes = 300 << 20, .total_bytes = kDisk});
  running.store.wait_for_looks(2);
  CHECK(running.code_of(running.enqueue()) == core::Errc::ok);
}

TEST_CASE("a disk that fills is told once, and once when it has room again", "[runtime][loop]") {
  using Kind = core::Admission::Kind;
  Running running;
  running.loop.reset();
  std::vector<runtime::LoopOptions::SpaceNote> notes;
  runtime::LoopOptions options = Running::attentive();
  options.min_free_bytes = 80;
  options.on_space = [&](const auto& note) { notes.push_back(note); };
  running.memory.set_space({.free_bytes = 79, .total_bytes = 8'000});
  running.start(options);
  running.store.wait_for_looks(3);
  running.memory.set_space({.free_bytes = 90, .total_bytes = 8'000});
  running.store.wait_for_looks(3);
  running.loop.reset();

  REQUIRE(notes.size() == 2);
  CHECK(notes[0].admission == Kind::disk_full);
  CHECK(notes[0].free_bytes == 79);
  CHECK(notes[0].floor_bytes == 80);
  CHECK(notes[0].enough_bytes == 90);
  CHECK(notes[1].admission == Kind::open);
  CHECK(notes[1].free_bytes == 90);
}

TEST_CASE("the disk is looked at as soon as much was written", "[runtime][loop]") {
  Running running;
  running.loop.reset();
  running.memory.set_space({.free_bytes = 300 << 20, .total_bytes = std::uint64_t{1} << 40});
  runtime::LoopOptions options;
  options.look_at_space_every = 1h;
  options.min_free_bytes = 16 << 20;
  running.start(options);
  running.memory.set_space({.free_bytes = 1, .total_bytes = std::uint64_t{1} << 40});

  constexpr std::size_t kPayload = 256 << 10;
  std::size_t accepted = 0;
  while (running.code_of(running.enqueue(kPayload)) == core::Errc::ok) REQUIRE(++accepted < 1'000);
  CHECK(accepted * kPayload < 2 * options.min_free_bytes);
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
