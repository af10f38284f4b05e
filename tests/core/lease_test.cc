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
