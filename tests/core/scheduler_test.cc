#include <catch2/catch.hpp>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

namespace {

std::vector<JobId> ids_of(const std::vector<EngineFixture::Leased>& jobs) {
  std::vector<JobId> ids;
  for (const auto& job : jobs) ids.push_back(job.id);
  return ids;
}

}  // namespace

TEST_CASE("a fetch goes by the order of its queues, then priority, then age", "[core][scheduler]") {
  EngineFixture engine;
  const JobId late = engine.enqueue({.queue = "b", .priority = 9});
  const JobId old = engine.enqueue({.queue = "a", .type = "x", .priority = 5});
  const JobId young = engine.enqueue({.queue = "a", .type = "y", .priority = 5});
  const JobId urgent = engine.enqueue({.queue = "a", .priority = 7});
  const JobId idle = engine.enqueue({.queue = "a", .priority = 0});
  const auto worker = engine.worker();
  CHECK(ids_of(engine.fetch(worker, 10, {"a", "b"})) ==
        std::vector<JobId>{urgent, old, young, idle, late});
}

TEST_CASE("the worker's order of queues wins over priority, either way round",
          "[core][scheduler]") {
  EngineFixture engine;
  const JobId first = engine.enqueue({.queue = "a", .priority = 0});
  const JobId second = engine.enqueue({.queue = "b", .priority = 9});
  const auto worker = engine.worker();
  CHECK(ids_of(engine.fetch(worker, 1, {"a", "b"})) == std::vector<JobId>{first});
  engine.enqueue({.queue = "a", .priority = 0});
  CHECK(ids_of(engine.fetch(worker, 1, {"b", "a"})) == std::vector<JobId>{second});
}

TEST_CASE("a job wakes the fetch that waits for its type, and no other", "[core][scheduler]") {
  EngineFixture engine;
  const auto worker = engine.worker();
  const Ticket of_a = engine.ticket(worker.connection);
  const Ticket of_b = engine.ticket(worker.connection);
  engine.send(Fetch{of_a, worker.session, "default", {"q"}, {"a"}, 1, 30s});
  engine.send(Fetch{of_b, worker.session, "default", {"q"}, {"b"}, 1, 30s});
  engine.settle();
  const JobId job = engine.enqueue({.type = "b"});
  const auto reply = engine.reply_to(of_b);
  REQUIRE(reply);
  CHECK(ids_of(EngineFixture::leased_of(*reply)) == std::vector<JobId>{job});
  CHECK(!engine.reply_to(of_a));
}

TEST_CASE("fetches that wait for the same are served first come, first served",
          "[core][scheduler]") {
  EngineFixture engine;
  const auto worker = engine.worker();
  const Ticket first = engine.park(worker, 1, 30s);
  const Ticket second = engine.park(worker, 1, 30s);
  const JobId one = engine.enqueue();
  REQUIRE(ids_of(EngineFixture::leased_of(*engine.reply_to(first))) == std::vector<JobId>{one});
  CHECK(!engine.reply_to(second));
  const JobId two = engine.enqueue();
  CHECK(ids_of(EngineFixture::leased_of(*engine.reply_to(second))) == std::vector<JobId>{two});
}

TEST_CASE("a waiting fetch that may have more gets the most urgent first", "[core][scheduler]") {
  EngineFixture engine;
  const auto worker = engine.worker();
  const Ticket waits = engine.park(worker, 5, 30s);
  Enqueue command;
  command.ticket = engine.ticket();
  command.batch = engine.fresh_id();
  command.ns = "default";
  command.queue = "q";
  command.job_count = 2;
  command.jobs = Blob::copy_of(job_record("a") + job_record("b"));
  command.groups.push_back({"t", 1, {}, {}, {}, IndexSet::single(0)});
  command.groups.push_back({"t", 8, {}, {}, {}, IndexSet::single(1)});
  const BatchId batch = command.batch;
  engine.ask(std::move(command));
  CHECK(ids_of(EngineFixture::leased_of(*engine.reply_to(waits))) ==
        std::vector<JobId>{batch.job(1), batch.job(0)});
}
