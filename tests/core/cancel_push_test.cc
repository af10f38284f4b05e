// That a worker hears of a cancellation, whatever happens to its connection, and what a
// cancellation of many jobs may hold in memory.

#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

namespace {

std::vector<JobId> told_to_stop(const EngineFixture& engine, ConnectionId connection) {
  std::vector<JobId> jobs;
  for (const Reply& push : engine.pushes) {
    const auto* cancel = std::get_if<CancelRunning>(&push.body);
    if (cancel != nullptr && push.ticket.connection == connection) jobs.push_back(cancel->job);
  }
  return jobs;
}

}  // namespace

TEST_CASE("a worker that comes back is told what to stop", "[core][cancel]") {
  EngineFixture engine;
  engine.enqueue({.jobs = 3});
  const auto worker = engine.worker();
  const auto jobs = engine.fetch(worker, 3);
  REQUIRE(jobs.size() == 3);

  SECTION("asked for while it was away") {
    engine.cut(worker);
    CHECK(engine.cancel(jobs[1].id).state == JobState::processing);
  }
  SECTION("the push was lost with its connection") {
    CHECK(engine.cancel(jobs[1].id).state == JobState::processing);
    CHECK(told_to_stop(engine, worker.connection) == std::vector{jobs[1].id});
    engine.cut(worker);
  }
  const auto back = engine.back(worker, jobs);
  REQUIRE(back.session == worker.session);
  CHECK(told_to_stop(engine, back.connection) == std::vector{jobs[1].id});
  engine.fail(back, jobs[1]);
  CHECK(engine.state_of(jobs[1].id) == JobState::cancelled);
  CHECK(engine.complete(back, jobs[0]) == Errc::ok);
}

TEST_CASE("a worker that does not hold the job any more is told nothing", "[core][cancel]") {
  EngineFixture engine;
  engine.enqueue({.jobs = 2});
  const auto worker = engine.worker();
  const auto jobs = engine.fetch(worker, 2);
  engine.cancel(jobs[0].id);
  engine.cut(worker);
  const auto back = engine.back(worker, {jobs[1]});
  CHECK(told_to_stop(engine, back.connection).empty());
  CHECK(engine.state_of(jobs[0].id) == JobState::cancelled);
}

TEST_CASE("a cancellation reaches its worker over a restart", "[core][cancel]") {
  Settings settings;
  settings.restart_grace = 300s;
  EngineFixture engine(settings);
  std::vector<EngineFixture::Leased> jobs;
  auto worker = engine.worker();
  for (int i = 0; i < 150; ++i) {  // More batches than one read asks for.
    engine.enqueue({.jobs = 2});
    const auto more = engine.fetch(worker, 2);
    jobs.insert(jobs.end(), more.begin(), more.end());
  }
  engine.advance(250ms);  // The grants are stored.

  SECTION("asked for before it") {
    for (const std::size_t i : {0, 133, 299}) engine.cancel(jobs[i].id);
    engine.restart();
  }
  SECTION("asked for after it") {
    engine.restart();
    for (const std::size_t i : {0, 133, 299}) engine.cancel(jobs[i].id);
  }
  worker = engine.back(worker, jobs);
  auto told = told_to_stop(engine, worker.connection);
  std::sort(told.begin(), told.end());
  CHECK(told == std::vector{jobs[0].id, jobs[133].id, jobs[299].id});
  CHECK(engine.engine().totals().processing == 300);
  engine.fail(worker, jobs[133]);
  CHECK(engine.state_of(jobs[133].id) == JobState::cancelled);
}

TEST_CASE("cancelling jobs of many large batches holds few of them at a time", "[core][cancel]") {
  EngineFixture engine;
  const Due due = GENERATE(Due{}, Due{Due::Kind::delay, 3'600'000ms, {}});
  std::vector<JobId> ids;
  for (int i = 0; i < 40; ++i) {
    const BatchId batch =
        engine.enqueue({.jobs = 100, .due = due, .payload = std::string(30'000, 'x')});
    ids.push_back(batch.job(7));
    ids.push_back(batch.job(9));
  }
  engine.restart();  // Nothing is in memory.
  const Ticket ticket = engine.ticket();
  engine.send(CancelJobs{ticket, ids});
  std::size_t most = 0;
  std::optional<CancelVerdicts> verdicts;
  std::size_t rounds = 0;
  while (!verdicts && ++rounds < 1000) {
    Changes changes = engine.engine().take_loose(engine.now());
    if (changes.reads.empty()) changes = engine.engine().take_changes(engine.now());
    if (changes.commit != nullptr) {
      engine.store().commit(0, engine.store().acquire(0).epoch, *changes.commit);
      engine.engine().committed(changes.commit->seq);
    }
    for (Reply& reply : changes.replies) verdicts = std::get<CancelVerdicts>(reply.body);
    for (const Read& read : changes.reads) {
      engine.send(engine.store().read(0, read).answer);
      most = std::max<std::size_t>(most, engine.engine().totals().window_bytes);
    }
  }
  REQUIRE(verdicts);
  for (const CancelVerdict& verdict : verdicts->jobs) {
    CHECK(verdict.code == Errc::ok);
    CHECK(verdict.state == JobState::cancelled);
  }
  CHECK(most < 70 << 20);
}
