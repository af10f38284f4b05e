#include <catch2/catch.hpp>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

TEST_CASE("the grant of a job with one attempt is stored before the job leaves", "[core][lease]") {
  EngineFixture engine;
  engine.enqueue({.options = {.max_attempts = 1}});
  const auto worker = engine.worker();
  CHECK(engine.is_stored(engine.fetch(worker)[0].token));
}

TEST_CASE("so is the grant of a job that was delivered before", "[core][lease]") {
  EngineFixture engine;
  engine.enqueue();
  const auto worker = engine.worker();
  const auto first = engine.fetch(worker);
  CHECK(!engine.is_stored(first[0].token));
  engine.release(worker, first[0]);
  CHECK(engine.is_stored(engine.fetch(worker)[0].token));
}

TEST_CASE("a lease that outlived a restart and was released is followed by a stored one",
          "[core][lease]") {
  EngineFixture engine;
  engine.enqueue();
  const auto worker = engine.worker();
  const auto first = engine.fetch(worker);
  engine.advance(1s);
  engine.restart();
  const auto back = engine.back(worker, first);
  CHECK(engine.release(back, first[0]) == Errc::ok);
  const auto again = engine.fetch(back);
  REQUIRE(again.size() == 1);
  CHECK(engine.is_stored(again[0].token));
}

TEST_CASE("another grant is stored within 250 ms, and never when it ends sooner", "[core][lease]") {
  EngineFixture engine;
  engine.enqueue({.jobs = 2});
  const auto worker = engine.worker();
  const auto quick = engine.fetch(worker);
  CHECK(engine.complete(worker, quick[0]) == Errc::ok);
  const std::size_t before = engine.commits();
  const auto slow = engine.fetch(worker);
  CHECK(engine.commits() == before);
  engine.advance(limits::kGrantStoredWithin);
  CHECK(engine.is_stored(slow[0].token));
  CHECK(!engine.is_stored(quick[0].token));
}

TEST_CASE("the older connection of a resumed session has lost its leases", "[core][lease]") {
  EngineFixture engine;
  engine.enqueue();
  const auto old = engine.worker();
  const auto jobs = engine.fetch(old);
  const auto back = engine.back(old, jobs);
  CHECK(!engine.heartbeat(old));
  CHECK(engine.complete(old, jobs[0]) == Errc::lease_lost);
  const Reply fetched =
      engine.ask(Fetch{engine.ticket(old.connection), old.session, "default", {"q"}, {}, 1, 0ms});
  CHECK(std::get<Refused>(fetched.body).code == Errc::lease_lost);
  CHECK(engine.complete(back, jobs[0]) == Errc::ok);
}

TEST_CASE("a token that is two epochs old, or of a job leased since, counts no more",
          "[core][lease]") {
  EngineFixture engine;
  engine.enqueue({.jobs = 2});
  const auto worker = engine.worker();
  const auto jobs = engine.fetch(worker, 2);
  engine.restart();
  const auto other = engine.worker();
  REQUIRE(engine.fetch(other, 1).size() == 1);
  const auto back = engine.worker();
  CHECK(engine.complete(back, jobs[0]) == Errc::lease_lost);
  engine.restart();
  const auto late = engine.worker();
  CHECK(engine.complete(late, jobs[1]) == Errc::lease_lost);
}

TEST_CASE("a delayed job that ran before a restart needs no second run", "[core][lease]") {
  EngineFixture engine;
  engine.enqueue({.due = {Due::Kind::delay, 1000ms, {}}});
  engine.advance(1s);
  const auto worker = engine.worker();
  const auto jobs = engine.fetch(worker);
  REQUIRE(jobs.size() == 1);
  engine.restart();
  const auto back = engine.back(worker, jobs);
  CHECK(engine.complete(back, jobs[0]) == Errc::ok);
  CHECK(engine.state_of(jobs[0].id) == JobState::completed);
  CHECK(engine.disagreements().empty());
}

TEST_CASE("a delayed job that is not due yet cannot have run before a restart", "[core][lease]") {
  EngineFixture engine;
  engine.enqueue();
  const BatchId delayed = engine.enqueue({.due = {Due::Kind::delay, 60'000ms, {}}});
  const auto worker = engine.worker();
  auto jobs = engine.fetch(worker);
  engine.advance(1s);
  engine.restart();
  const auto back = engine.back(worker, jobs);
  jobs[0].id = delayed.job(0);
  CHECK(engine.complete(back, jobs[0]) == Errc::lease_lost);
  CHECK(engine.state_of(delayed.job(0)) == JobState::scheduled);
}

TEST_CASE("a report of a batch that is only being looked for is refused", "[core][lease]") {
  EngineFixture engine;
  engine.enqueue();
  const auto worker = engine.worker();
  auto jobs = engine.fetch(worker);
  const BatchId unknown = engine.fresh_id();
  engine.hold_reads(EngineFixture::Rows::as_answered);
  engine.post(CancelJobs{engine.ticket(), {unknown.job(0)}});
  Report report{engine.ticket(worker.connection), worker.session, {}};
  auto foreign = jobs[0];
  foreign.id = unknown.job(0);
  report.outcomes.push_back(EngineFixture::outcome_of(foreign, Outcome::Kind::complete));
  const Ticket asked = engine.post(std::move(report));
  engine.let_go();
  const auto reply = engine.reply_to(asked);
  REQUIRE(reply);
  CHECK(std::get<Reported>(reply->body).refused.size() == 1);
  CHECK(engine.complete(worker, jobs[0]) == Errc::ok);
}
