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
