// Which jobs a list has, and in which order.

#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

namespace {

std::vector<JobId> list(EngineFixture& engine, JobState state, const std::string& type,
                        std::uint32_t limit) {
  std::vector<JobId> ids;
  std::string cursor;
  do {
    const Reply reply =
        engine.ask(ListJobs{engine.ticket(), "default", "q", state, type, limit, cursor});
    const auto& listed = std::get<Listed>(reply.body);
    for (const JobView& job : listed.jobs) ids.push_back(job.id);
    cursor = listed.next_cursor;
  } while (!cursor.empty());
  return ids;
}

std::vector<JobId> operator+(std::vector<JobId> a, const std::vector<JobId>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

TEST_CASE("pending jobs of one type are listed past the lanes of others", "[core][list]") {
  EngineFixture engine;
  const BatchId a = engine.enqueue({.type = "a", .jobs = 7});
  for (int i = 0; i < 30; ++i) {
    BatchSpec other{.type = "b"};
    other.key = std::to_string(i);
    engine.enqueue(other);
  }
  const BatchId more = engine.enqueue({.type = "a", .jobs = 3, .priority = 9});
  const std::uint32_t limit = GENERATE(1U, 3U, 100U);
  CHECK(list(engine, JobState::pending, "a", limit) == jobs_of(a, 0, 7) + jobs_of(more, 0, 3));
  CHECK(list(engine, JobState::pending, "b", limit).size() == 30);
  CHECK(list(engine, JobState::pending, "none", limit).empty());

  // One page is enough: lanes of other types cost no rounds.
  const Reply reply =
      engine.ask(ListJobs{engine.ticket(), "default", "q", JobState::pending, "a", 100, {}});
  CHECK(std::get<Listed>(reply.body).jobs.size() == 10);
}

TEST_CASE("pending jobs are listed lane by lane, each in its order", "[core][list]") {
  EngineFixture engine;
  const BatchId first = engine.enqueue({.jobs = 3});
  const BatchId urgent = engine.enqueue({.jobs = 2, .priority = 9});
  const BatchId second = engine.enqueue({.jobs = 3});
  const std::uint32_t limit = GENERATE(1U, 2U, 4U, 100U);
  CHECK(list(engine, JobState::pending, {}, limit) ==
        jobs_of(first, 0, 3) + jobs_of(second, 0, 3) + jobs_of(urgent, 0, 2));
}

TEST_CASE("finished jobs are listed by type, the newest minute first", "[core][list]") {
  EngineFixture engine;
  const auto complete_all = [&] {
    const auto worker = engine.worker();
    for (const auto& job : engine.fetch(worker, 100)) engine.complete(worker, job);
  };
  const BatchId old_a = engine.enqueue({.type = "a", .jobs = 3});
  const BatchId old_b = engine.enqueue({.type = "b", .jobs = 3});
  complete_all();
  engine.advance(60'000ms);
  const BatchId new_a = engine.enqueue({.type = "a", .jobs = 3});
  complete_all();
  const std::uint32_t limit = GENERATE(1U, 2U, 100U);
  CHECK(list(engine, JobState::completed, {}, limit) ==
        jobs_of(new_a, 0, 3) + jobs_of(old_a, 0, 3) + jobs_of(old_b, 0, 3));
  CHECK(list(engine, JobState::completed, "b", limit) == jobs_of(old_b, 0, 3));
}

TEST_CASE("running jobs are listed by id, of one type if asked", "[core][list]") {
  EngineFixture engine;
  const BatchId a = engine.enqueue({.type = "a", .jobs = 3});
  const BatchId b = engine.enqueue({.type = "b", .jobs = 3});
  const auto worker = engine.worker();
  REQUIRE(engine.fetch(worker, 100, {"q"}, {"b"}).size() == 3);
  REQUIRE(engine.fetch(worker, 2, {"q"}, {"a"}).size() == 2);
  const std::uint32_t limit = GENERATE(1U, 2U, 5U, 100U);
  CHECK(list(engine, JobState::processing, {}, limit) == jobs_of(a, 0, 2) + jobs_of(b, 0, 3));
  CHECK(list(engine, JobState::processing, "b", limit) == jobs_of(b, 0, 3));
}

TEST_CASE("a list goes on behind a row that has gone between two pages", "[core][list]") {
  EngineFixture engine;
  engine.enqueue({.jobs = 6, .due = {Due::Kind::delay, 1000ms, {}}});
  const BatchId later = engine.enqueue({.jobs = 6, .due = {Due::Kind::delay, 9000ms, {}}});
  const auto page = [&](const std::string& cursor) {
    const Reply reply =
        engine.ask(ListJobs{engine.ticket(), "default", "q", JobState::scheduled, {}, 4, cursor});
    return std::get<Listed>(reply.body);
  };
  const Listed first = page({});
  REQUIRE(first.jobs.size() == 4);
  engine.advance(1000ms);  // The rest of the first batch is scheduled no more.
  const Listed second = page(first.next_cursor);
  REQUIRE(second.jobs.size() == 4);
  CHECK(second.jobs.front().id == later.job(0));
}
