// What goes on, and what does not, while a commit does not come back.

#include "tests/runtime/running.h"
#include "tests/support/manual_clock.h"

namespace pawl::test {

namespace {

// More than a turn takes, so that something waits when its commit is to be written.
constexpr int kMoreThanATurn = 1100;

// Leaves one commit at the gate, on the committer's thread; the answer to the returned ticket hangs
// on it.
core::Ticket hang_handed_off(Running& running) {
  running.store.commits.close();
  running.enqueue();
  running.store.commits.wait_until_blocked();  // The engine's thread itself: nobody waited.
  const core::Ticket hanging = running.enqueue();
  for (int i = 0; i < kMoreThanATurn; ++i) running.beat();
  running.store.commits.let_one_through();
  running.store.commits.wait_until_blocked();
  return hanging;
}

}  // namespace

TEST_CASE("while a commit hangs its replies wait and others leave", "[runtime][slow_disk]") {
  Running running;
  const core::Ticket hanging = hang_handed_off(running);
  CHECK(running.loop->counters().commits_handed_off == 1);

  const core::Ticket behind = running.enqueue();
  CHECK(running.code_of(running.beat()) == core::Errc::lease_lost);  // It has no session.
  CHECK_FALSE(running.replies.has(hanging));
  CHECK_FALSE(running.replies.has(behind));

  running.store.commits.open();
  CHECK(running.code_of(hanging) == core::Errc::ok);
  CHECK(running.code_of(behind) == core::Errc::ok);
}

TEST_CASE("while something is read a commit does not keep the engine", "[runtime][slow_disk]") {
  Running running;
  running.store.reads.close();
  const core::Ticket looked_up = running.get_unknown();
  running.store.reads.wait_until_blocked();
  running.store.commits.close();
  const core::Ticket hanging = running.enqueue();
  running.store.commits.wait_until_blocked();
  CHECK(running.loop->counters().commits_handed_off == 1);
  CHECK(running.code_of(running.beat()) == core::Errc::lease_lost);
  CHECK_FALSE(running.replies.has(hanging));

  running.store.reads.open();
  running.store.commits.open();
  CHECK(running.code_of(looked_up) == core::Errc::ok);
  CHECK(running.code_of(hanging) == core::Errc::ok);
}

TEST_CASE("a stop is not clean while a command waits for a read", "[runtime][slow_disk]") {
  Running running;
  running.store.reads.close();
  const core::Ticket looked_up = running.get_unknown();
  running.store.reads.wait_until_blocked();
  CHECK(running.loop->stop(20ms) == EngineLoop::Stopped::cut_off);
  CHECK_FALSE(running.replies.has(looked_up));
}

TEST_CASE("a stop is cut off in time while a commit hangs", "[runtime][slow_disk]") {
  Running running;
  core::Ticket hanging;
  SECTION("on the engine's thread") {
    running.store.commits.close();
    hanging = running.enqueue();
    running.store.commits.wait_until_blocked();
  }
  SECTION("on the committer's thread") {
    hanging = hang_handed_off(running);
  }
  const auto began = std::chrono::steady_clock::now();
  CHECK(running.loop->stop(20ms) == EngineLoop::Stopped::cut_off);
  CHECK(std::chrono::steady_clock::now() - began < kPatience);
  CHECK_FALSE(running.replies.has(hanging));
}

TEST_CASE("while a commit hangs the inbox fills, and keeps a part for reports",
          "[runtime][slow_disk]") {
  Running running;
  running.loop.reset();
  runtime::LoopOptions options;
  options.inbox_commands = 64;
  running.start(options);
  running.store.commits.close();
  running.enqueue();
  running.store.commits.wait_until_blocked();

  int taken = 0;
  while (running.loop->post(core::QueueStats{}, 1)) REQUIRE(++taken <= 64);
  CHECK(taken == 56);
  core::Report report;
  report.ticket = running.ticket();
  const core::Ticket to = report.ticket;
  CHECK(running.loop->post(std::move(report), 1));

  running.store.commits.open();
  CHECK(running.code_of(to) == core::Errc::lease_lost);
}

TEST_CASE("a heartbeat is answered while a hanging commit lets nothing else in",
          "[runtime][slow_disk]") {
  store::MemoryOptions options;
  options.caps.bytes_preferred = 1;  // Each enqueue closes a commit.
  Running running(options);
  const core::SessionId session = running.open_session();
  hang_handed_off(running);
  // Two closed commits wait behind the one that is written: the rest stays in the inbox.
  std::vector<core::Ticket> waiting;
  for (int i = 0; i < 4; ++i) waiting.push_back(running.enqueue());
  const core::Ticket refused = running.beat();

  core::Heartbeat beat = running.beat_of(session);
  const core::Ticket to = beat.ticket;
  running.loop->post_always(std::move(beat));
  CHECK(running.code_of(to) == core::Errc::ok);
  CHECK_FALSE(running.replies.has(refused));

  running.store.commits.open();
  for (const core::Ticket ticket : waiting) CHECK(running.code_of(ticket) == core::Errc::ok);
}

TEST_CASE("a worker that says that it lives while the disk hangs keeps its session",
          "[runtime][slow_disk]") {
  auto by_hand = std::make_unique<ManualClock>();
  ManualClock& clock = *by_hand;
  Running running(std::move(by_hand));
  const core::SessionId session = running.open_session();
  running.store.commits.close();
  running.enqueue();
  running.store.commits.wait_until_blocked();
  const bool lives = GENERATE(true, false);
  clock.pass(std::chrono::seconds(20));
  if (lives) running.loop->post_always(running.beat_of(session));
  clock.pass(std::chrono::seconds(20));  // The lease is 30 s.
  running.store.commits.open();
  // What was posted in the meantime is heard first, then the silent ones are lost.
  for (int turn = 0; turn < 3; ++turn) running.code_of(running.enqueue());

  core::Heartbeat later = running.beat_of(session);
  const core::Ticket to = running.post(std::move(later));
  CHECK(running.code_of(to) == (lives ? core::Errc::ok : core::Errc::lease_lost));
}

}  // namespace pawl::test
