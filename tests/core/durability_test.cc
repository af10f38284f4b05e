#include <catch2/catch.hpp>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

namespace {

Settings relaxed_q() {
  Settings settings;
  settings.queues[{"default", "relaxed"}].durability = Durability::written;
  return settings;
}

Durability level_of(EngineFixture& engine, const BatchSpec& spec) {
  return std::get<Accepted>(engine.enqueue_as(engine.fresh_id(), spec).body).level;
}

}  // namespace

TEST_CASE("a reply names the level that was reached", "[core][durability]") {
  EngineFixture engine(relaxed_q());
  CHECK(level_of(engine, {.queue = "relaxed"}) == Durability::written);
  CHECK(engine.store().unsynced(0) == 1);
  CHECK(level_of(engine, {}) == Durability::synced);
  CHECK(engine.store().unsynced(0) == 0);
}

TEST_CASE("a crash loses relaxed jobs only", "[core][durability]") {
  EngineFixture engine(relaxed_q());
  const JobId safe = engine.enqueue();
  const JobId kept = engine.enqueue({.queue = "relaxed"});
  engine.enqueue({.queue = "other"});  // Synced, and with it all before it.
  const JobId lost = engine.enqueue({.queue = "relaxed"});
  engine.restart();
  CHECK(engine.state_of(safe) == JobState::pending);
  CHECK(engine.state_of(kept) == JobState::pending);
  CHECK(engine.view(lost).code == Errc::not_found);
}

TEST_CASE("a commit that holds both kinds is synced", "[core][durability]") {
  EngineFixture engine(relaxed_q());
  for (const char* queue : {"relaxed", "q"}) {
    Enqueue command;
    command.ticket = engine.ticket();
    command.batch = engine.fresh_id();
    command.ns = "default";
    command.queue = queue;
    command.job_count = 1;
    command.jobs = Blob::copy_of(job_record("p"));
    command.groups.push_back({"t", 5, {}, {}, {}, IndexSet::single(0)});
    engine.send(std::move(command));
  }
  const std::size_t before = engine.commits();
  engine.settle();
  CHECK(engine.commits() == before + 1);
  CHECK(engine.store().unsynced(0) == 0);
  engine.restart();
  CHECK(engine.counts("relaxed").pending == 1);
}

TEST_CASE("a power cut loses relaxed reports, and the jobs run again", "[core][durability]") {
  EngineFixture engine(relaxed_q());
  const JobId job = engine.enqueue({.queue = "relaxed"});
  engine.enqueue();  // Synced, and with it all before it.
  auto worker = engine.worker();
  const auto leased = engine.fetch(worker, 1, {"relaxed"});
  CHECK(engine.complete(worker, leased.at(0), "done") == Errc::ok);
  CHECK(engine.state_of(job) == JobState::completed);
  CHECK(engine.store().unsynced(0) == 1);
  engine.restart();
  CHECK(engine.state_of(job) == JobState::pending);
  CHECK(engine.counts("relaxed").completed == 0);
  worker = engine.worker();
  CHECK(engine.fetch(worker, 1, {"relaxed"}).size() == 1);
  CHECK(engine.disagreements().empty());
}

TEST_CASE("a relaxed report is safe with the next synced commit", "[core][durability]") {
  EngineFixture engine(relaxed_q());
  const BatchId batch = engine.enqueue({.queue = "relaxed", .jobs = 3});
  const auto worker = engine.worker();
  const auto leased = engine.fetch(worker, 3, {"relaxed"});
  engine.complete(worker, leased.at(0), "done");
  engine.fail(worker, leased.at(1));
  engine.enqueue();
  engine.complete(worker, leased.at(2));
  engine.restart();
  CHECK(engine.view(batch.job(0)).result.view() == "done");
  CHECK(engine.state_of(batch.job(1)) == JobState::retrying);
  CHECK(engine.state_of(batch.job(2)) == JobState::pending);
  CHECK(engine.disagreements().empty());
}

TEST_CASE("reports of a synced queue are never lost beside those of a relaxed one",
          "[core][durability]") {
  EngineFixture engine(relaxed_q());
  const JobId safe = engine.enqueue();
  const JobId relaxed = engine.enqueue({.queue = "relaxed"});
  const auto worker = engine.worker();
  Report report{engine.ticket(worker.connection), worker.session, {}};
  const auto queues =
      GENERATE(as<std::vector<std::string>>{}, std::vector<std::string>{"relaxed", "q"},
               std::vector<std::string>{"q", "relaxed"});
  for (const auto& job : engine.fetch(worker, 2, queues))
    report.outcomes.push_back(EngineFixture::outcome_of(job, Outcome::Kind::complete));
  REQUIRE(report.outcomes.size() == 2);
  engine.ask(std::move(report));
  CHECK(engine.store().unsynced(0) == 0);
  engine.restart();
  CHECK(engine.state_of(safe) == JobState::completed);
  CHECK(engine.state_of(relaxed) == JobState::completed);
}

TEST_CASE("what is reported or asked of a synced queue is synced before it is answered",
          "[core][durability]") {
  EngineFixture engine(relaxed_q());
  const BatchId batch = engine.enqueue({.jobs = 2});
  const auto worker = engine.worker();
  const auto leased = engine.fetch(worker, 1);
  engine.enqueue({.queue = "relaxed"});
  REQUIRE(engine.store().unsynced(0) == 1);
  JobId job = batch.job(0);
  JobState state{};
  SECTION("a completion") {
    engine.complete(worker, leased.at(0));
    state = JobState::completed;
  }
  SECTION("a failure") {
    engine.fail(worker, leased.at(0));
    state = JobState::retrying;
  }
  SECTION("a cancellation") {
    job = batch.job(1);
    engine.cancel(job);
    state = JobState::cancelled;
  }
  CHECK(engine.store().unsynced(0) == 0);
  engine.restart();
  CHECK(engine.state_of(job) == state);
}

TEST_CASE("what ends by itself in a synced queue is synced", "[core][durability]") {
  EngineFixture engine(relaxed_q());
  SECTION("a delay") {
    const JobId delayed = engine.enqueue({.due = {Due::Kind::delay, 1s, {}}});
    engine.advance(1s);
    CHECK(engine.state_of(delayed) == JobState::pending);
  }
  SECTION("the lease of a lost worker") {
    const JobId running = engine.enqueue({.options = {.max_attempts = 1}});
    const auto worker = engine.worker();
    REQUIRE(engine.fetch(worker).size() == 1);
    engine.cut(worker);
    engine.advance(limits::kCutGrace);
    CHECK(engine.view(running).attempts.size() == 1);
    CHECK(engine.state_of(running) == JobState::pending);
  }
  CHECK(engine.store().unsynced(0) == 0);
}

TEST_CASE("a lease that must not be forgotten is synced in a relaxed queue too",
          "[core][durability]") {
  EngineFixture engine(relaxed_q());
  const JobId job = engine.enqueue({.queue = "relaxed", .options = {.max_attempts = 1}});
  const auto worker = engine.worker();
  const auto leased = engine.fetch(worker, 1, {"relaxed"});
  REQUIRE(leased.size() == 1);
  engine.restart();
  CHECK(engine.state_of(job) == JobState::processing);
  CHECK(engine.fetch(engine.worker(), 1, {"relaxed"}).empty());
}

TEST_CASE("a relaxed batch that is sent again after a power cut is accepted anew",
          "[core][durability]") {
  EngineFixture engine(relaxed_q());
  const BatchId batch = engine.fresh_id();
  const BatchSpec spec{.queue = "relaxed"};
  engine.enqueue_as(batch, spec);
  engine.restart();
  const Reply again = engine.enqueue_as(batch, spec);
  CHECK_FALSE(std::get<Accepted>(again.body).duplicate);
  CHECK(engine.counts("relaxed").pending == 1);
}
