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
