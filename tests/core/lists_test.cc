#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

namespace {

std::set<JobId> set_of(const std::vector<JobId>& ids) {
  const std::set<JobId> set(ids.begin(), ids.end());
  CHECK(set.size() == ids.size());  // Nothing is listed twice.
  return set;
}

}  // namespace

TEST_CASE("a job that came back alone is listed once", "[core][lists]") {
  EngineFixture engine;
  const BatchId batch = engine.enqueue({.jobs = 5});
  const auto worker = engine.worker();
  engine.fetch(worker, 2);
  engine.cut(worker);
  engine.advance(4s);
  for (const std::uint32_t limit : {1U, 2U, 3U, 100U}) {
    INFO("pages of " << limit);
    const auto pending = engine.list(JobState::pending, "q", limit);
    CHECK(pending.size() == 5);
    CHECK(set_of(pending).count(batch.job(1)) == 1);
  }
}

TEST_CASE("each state lists exactly its jobs, over many pages", "[core][lists]") {
  EngineFixture engine;
  std::map<JobState, std::set<JobId>> expected;
  const auto all_of = [&](const BatchId& batch, JobIndex count, JobState state) {
    for (JobIndex i = 0; i < count; ++i) expected[state].insert(batch.job(i));
  };
  const auto worker = engine.worker();
  all_of(engine.enqueue({.jobs = 40}), 40, JobState::completed);
  for (const auto& job : engine.fetch(worker, 40)) engine.complete(worker, job);
  all_of(engine.enqueue({.jobs = 30, .options = {.max_attempts = 1}}), 30, JobState::failed);
  for (const auto& job : engine.fetch(worker, 30)) engine.fail(worker, job);
  all_of(engine.enqueue({.jobs = 20, .options = {.backoff = 1h}}), 20, JobState::retrying);
  for (const auto& job : engine.fetch(worker, 20)) engine.fail(worker, job);
  all_of(engine.enqueue({.jobs = 25}), 25, JobState::processing);
  CHECK(engine.fetch(worker, 25).size() == 25);
  all_of(engine.enqueue({.jobs = 35}), 35, JobState::pending);
  const BatchId other = engine.enqueue({.type = "other", .jobs = 15});
  all_of(other, 15, JobState::pending);
  all_of(engine.enqueue({.jobs = 10, .due = {Due::Kind::delay, 1h, {}}}), 10, JobState::scheduled);
  const BatchId unwanted = engine.enqueue({.jobs = 5});
  all_of(unwanted, 5, JobState::cancelled);
  for (JobIndex i = 0; i < 5; ++i) engine.cancel(unwanted.job(i));
  for (const std::uint32_t limit : {1U, 7U, 1000U}) {
    for (const auto& [state, jobs] : expected) {
      INFO(to_string(state) << ", pages of " << limit);
      CHECK(set_of(engine.list(state, "q", limit)) == jobs);
    }
  }
}

TEST_CASE("a cursor is refused by every list but its own", "[core][lists]") {
  EngineFixture engine;
  for (const char* type : {"a", "b"}) engine.enqueue({.type = type, .jobs = 3});
  CHECK(engine.fetch(engine.worker(), 6).size() == 6);
  for (const char* queue : {"q", "r"}) {
    for (const char* type : {"a", "b"}) {
      for (const auto& due : {Due{}, Due{Due::Kind::delay, 1h, {}}})
        engine.enqueue({.queue = queue, .type = type, .jobs = 3, .due = due});
      const BatchId batch = engine.enqueue({.queue = queue, .type = type, .jobs = 3});
      for (JobIndex i = 0; i < 3; ++i) engine.cancel(batch.job(i));
    }
  }
  const auto page = [&](const std::string& queue, JobState state, const std::string& type,
                        std::string cursor) {
    return engine.ask(
        ListJobs{engine.ticket(), "default", queue, state, type, 2, std::move(cursor)});
  };
  const auto is_refused = [&](const Reply& reply) {
    const auto* refused = std::get_if<Refused>(&reply.body);
    if (refused == nullptr) return false;
    CHECK(refused->code == Errc::invalid_argument);
    CHECK(refused->message == "the cursor belongs to another list");
    return true;
  };
  using Asked = std::tuple<std::string, JobState, std::string>;
  std::vector<Asked> lists;
  for (const char* queue : {"q", "r", "nowhere"}) {
    for (const JobState state :
         {JobState::pending, JobState::processing, JobState::scheduled, JobState::cancelled}) {
      for (const char* type : {"", "a", "b", "none"}) lists.emplace_back(queue, state, type);
    }
  }
  int cursors = 0;
  for (const auto& [queue, state, type] : lists) {
    const Reply first = page(queue, state, type, {});
    const std::string cursor = std::get<Listed>(first.body).next_cursor;
    if (cursor.empty()) continue;
    ++cursors;
    for (const auto& [other, other_state, other_type] : lists) {
      INFO(queue << " " << to_string(state) << " " << type << " in " << other << " "
                 << to_string(other_state) << " " << other_type);
      const bool same = other == queue && other_state == state && other_type == type;
      CHECK(is_refused(page(other, other_state, other_type, cursor)) != same);
    }
  }
  CHECK(cursors == 21);
}
