#include <catch2/catch.hpp>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

namespace {

Settings short_agenda() {
  Settings settings;
  settings.grain.agenda_entries = 8;
  settings.grain.agenda_page_rows = 3;
  settings.grain.agenda_fired_at_once = 2;
  return settings;
}

}  // namespace

TEST_CASE("many delayed jobs come in order and none early, cancelled ones never",
          "[core][agenda]") {
  EngineFixture engine(short_agenda());
  std::vector<JobId> jobs;
  for (int i = 0; i < 100; ++i)
    jobs.push_back(engine.enqueue({.due = {Due::Kind::delay, Milliseconds{1000 + 10 * i}, {}}}));
  for (std::size_t i = 0; i < jobs.size(); i += 5)
    CHECK(engine.cancel(jobs[i]).state == JobState::cancelled);
  const auto worker = engine.worker();
  engine.advance(999ms);
  CHECK(engine.fetch(worker, 10).empty());
  engine.advance(1ms);
  std::vector<JobId> seen;
  std::vector<JobId> expected;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (i % 5 != 0) expected.push_back(jobs[i]);
    for (const auto& job : engine.fetch(worker, 10)) {
      seen.push_back(job.id);
      engine.complete(worker, job);
    }
    CHECK(seen == expected);
    engine.advance(10ms);
  }
}

TEST_CASE("a jump of the wall clock moves run-at only", "[core][agenda]") {
  EngineFixture engine;
  const JobId delayed = engine.enqueue({.due = {Due::Kind::delay, 1h, {}}});
  const JobId at = engine.enqueue({.due = {Due::Kind::run_at, {}, engine.now().wall + 1h}});
  engine.jump_wall(2h);
  engine.advance(1ms);
  CHECK(engine.state_of(at) == JobState::pending);
  CHECK(engine.state_of(delayed) == JobState::scheduled);
  engine.jump_wall(-24h);
  engine.advance(1h);
  CHECK(engine.state_of(delayed) == JobState::pending);
}

TEST_CASE("run-at waits for the wall clock that was set back, to the millisecond",
          "[core][agenda]") {
  EngineFixture engine;
  const JobId job = engine.enqueue({.due = {Due::Kind::run_at, {}, engine.now().wall + 1h}});
  engine.jump_wall(-24h);
  const bool restarted = GENERATE(false, true);
  if (restarted) engine.restart();
  engine.advance(25h - 1ms);
  CHECK(engine.state_of(job) == JobState::scheduled);
  CHECK(engine.fetch(engine.worker()).empty());
  engine.advance(1ms);
  CHECK(engine.state_of(job) == JobState::pending);
}

TEST_CASE("a delay is neither shortened nor lengthened by a wall clock that was set back",
          "[core][agenda]") {
  EngineFixture engine;
  const JobId job = engine.enqueue({.due = {Due::Kind::delay, 1h, {}}});
  engine.jump_wall(-24h);
  const bool restarted = GENERATE(false, true);
  if (restarted) engine.restart();
  engine.advance(1h - 1ms);
  CHECK(engine.state_of(job) == JobState::scheduled);
  engine.advance(1ms);
  CHECK(engine.state_of(job) == JobState::pending);
}

TEST_CASE("a backoff goes on over a restart with a wall clock that was set back",
          "[core][agenda]") {
  EngineFixture engine;
  const JobId job = engine.enqueue({.options = {.backoff = 1min}});
  auto worker = engine.worker();
  const bool before = GENERATE(false, true);
  if (before) engine.jump_wall(-24h);
  engine.fail(worker, engine.fetch(worker).at(0));
  const Timestamp due = timestamp_from_ms(engine.view(job).due_at_ms);
  CHECK(due >= engine.now().at + 1min);
  if (!before) engine.jump_wall(-24h);
  engine.restart();
  CHECK(engine.now().at < due);
  engine.advance(due - engine.now().at - 1ms);
  CHECK(engine.state_of(job) == JobState::retrying);
  engine.advance(1ms);
  worker = engine.worker();
  const auto again = engine.fetch(worker);
  REQUIRE(again.size() == 1);
  CHECK(again[0].attempt == 2);
}

TEST_CASE("after a restart with a wall clock that was set back, new jobs are due after older ones",
          "[core][agenda]") {
  EngineFixture engine;
  const JobId first = engine.enqueue({.due = {Due::Kind::delay, 10s, {}}});
  engine.jump_wall(-24h);
  engine.restart();
  engine.advance(1s);
  const JobId second = engine.enqueue({.due = {Due::Kind::delay, 10s, {}}});
  CHECK(engine.view(second).due_at_ms == engine.view(first).due_at_ms + 1000);
  engine.advance(9s);
  CHECK(engine.list(JobState::pending) == std::vector{first});
  engine.advance(1s);
  CHECK(engine.list(JobState::pending) == std::vector{first, second});
}

TEST_CASE("run-at in the past is pending at once, however far the wall clock was set back later",
          "[core][agenda]") {
  EngineFixture engine;
  const JobId job = engine.enqueue({.due = {Due::Kind::run_at, {}, engine.now().wall}});
  engine.jump_wall(-24h);
  engine.restart();
  CHECK(engine.state_of(job) == JobState::pending);
  CHECK(engine.fetch(engine.worker()).size() == 1);
}

TEST_CASE("the next deadline follows the clock of what is due", "[core][agenda]") {
  EngineFixture engine;
  engine.enqueue({.due = {Due::Kind::run_at, {}, engine.now().wall + 10min}});
  const auto next = [&] { return *engine.engine().next_deadline(engine.now()) - engine.now().at; };
  CHECK(next() == 10min);
  engine.jump_wall(-10min);
  CHECK(next() == 20min);
  engine.jump_wall(1h);
  CHECK(next() == 0ms);
}
