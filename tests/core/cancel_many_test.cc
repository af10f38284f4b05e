// Cancelling many jobs, and jobs of batches that are not in memory.

#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

namespace {

const std::vector<std::string> kNone;

Settings loads_at_once(std::size_t batches, std::size_t bytes) {
  Settings settings;
  settings.grain.cancel_loads = batches;
  settings.grain.cancel_bytes = bytes;
  return settings;
}

// One job of each of many batches, none of which is in memory.
std::vector<JobId> unloaded_jobs(EngineFixture& engine, std::size_t batches, Due due = {}) {
  std::vector<JobId> ids;
  for (std::size_t i = 0; i < batches; ++i)
    ids.push_back(engine.enqueue({.jobs = 3, .due = due}).job(1));
  engine.restart();
  return ids;
}

bool all_cancelled(const std::vector<CancelVerdict>& verdicts) {
  return std::all_of(verdicts.begin(), verdicts.end(), [](const CancelVerdict& verdict) {
    return verdict.code == Errc::ok && verdict.state == JobState::cancelled;
  });
}

// What a worker gets until nothing is left.
std::vector<JobId> drain(EngineFixture& engine) {
  const auto worker = engine.worker();
  std::vector<JobId> seen;
  for (;;) {
    const Ticket waits = engine.park(worker, 20, 10s);
    const auto reply = engine.reply_to(waits);
    if (!reply) return seen;
    for (const auto& job : EngineFixture::leased_of(*reply)) {
      seen.push_back(job.id);
      CHECK(engine.complete(worker, job) == Errc::ok);
    }
  }
}

std::vector<JobId> without(std::vector<JobId> all, const std::vector<JobId>& some) {
  all.erase(std::remove_if(
                all.begin(), all.end(),
                [&](const JobId& id) { return std::count(some.begin(), some.end(), id) != 0; }),
            all.end());
  return all;
}

}  // namespace

TEST_CASE("each of many jobs of a batch gets its own verdict, in the order asked",
          "[core][cancel]") {
  EngineFixture engine;
  const BatchId batch = engine.enqueue({.jobs = 100});
  const auto worker = engine.worker();
  const auto leased = engine.fetch(worker, 3);
  engine.complete(worker, leased[0]);
  engine.fail(worker, leased[1]);
  std::vector<JobId> ids = jobs_of(batch, 0, 50);
  ids.push_back(batch.job(200));
  std::reverse(ids.begin(), ids.end());
  const auto verdicts = engine.cancel(ids);
  REQUIRE(verdicts.size() == 51);
  CHECK(verdicts[0].code == Errc::not_found);
  for (std::size_t i = 1; i < 48; ++i) CHECK(verdicts[i].state == JobState::cancelled);
  CHECK(verdicts[48].state == JobState::processing);
  CHECK(verdicts[49].state == JobState::cancelled);  // It was retrying.
  CHECK(verdicts[50].state == JobState::completed);
  CHECK(engine.counts().cancelled == 48);
  CHECK(drain(engine) == jobs_of(batch, 50, 100));
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("batches are loaded few at a time to cancel jobs of them", "[core][cancel]") {
  EngineFixture engine(loads_at_once(3, 32 << 20));
  const auto ids = unloaded_jobs(engine, 20, GENERATE(Due{}, Due{Due::Kind::delay, 1h, {}}));
  engine.hold_reads(GENERATE(EngineFixture::Rows::as_asked, EngineFixture::Rows::as_answered));
  const Ticket ticket = engine.post(CancelJobs{engine.ticket(), ids});
  std::optional<Reply> reply;
  while (!(reply = engine.reply_to(ticket))) {
    const std::size_t loads = engine.reads_under_way().size();
    REQUIRE(loads > 0);
    CHECK(loads <= 3);
    engine.answer_reads();
  }
  CHECK(all_cancelled(std::get<CancelVerdicts>(reply->body).jobs));
  CHECK(engine.counts().cancelled == 20);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a commit changes only so much of what was loaded to be cancelled", "[core][cancel]") {
  EngineFixture engine(loads_at_once(2, 1));
  const auto ids = unloaded_jobs(engine, 10);
  engine.advance(1ms);
  engine.hold_commits();
  engine.post(EngineFixture::enqueue_of(engine.ticket(), engine.fresh_id(), {}));
  const Ticket ticket = engine.post(CancelJobs{engine.ticket(), ids});
  std::size_t commits = 0;
  std::optional<Reply> reply;
  while (!(reply = engine.reply_to(ticket))) {
    REQUIRE(engine.commit_under_way() != nullptr);
    engine.write_commit();
    ++commits;
  }
  CHECK(commits == 1 + 10 / 2);
  CHECK(all_cancelled(std::get<CancelVerdicts>(reply->body).jobs));
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a second request to cancel waits for its turn, and is answered too", "[core][cancel]") {
  EngineFixture engine(loads_at_once(1, 1));
  const auto ids = unloaded_jobs(engine, 5);
  engine.hold_reads(EngineFixture::Rows::as_asked);
  const Ticket many = engine.post(CancelJobs{engine.ticket(), ids});
  const Ticket one = engine.post(CancelJobs{engine.ticket(), {ids[4]}});
  CHECK(engine.reads_under_way().size() == 1);
  engine.let_go();
  for (const Ticket& ticket : {many, one}) {
    const auto reply = engine.reply_to(ticket);
    REQUIRE(reply);
    CHECK(all_cancelled(std::get<CancelVerdicts>(reply->body).jobs));
  }
  CHECK(engine.counts().cancelled == 5);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("jobs that are not in memory are cancelled, and the others come in their order",
          "[core][cancel]") {
  EngineFixture engine(Settings{.window_bytes = 3000});
  std::vector<JobId> all;
  for (int i = 0; i < 40; ++i) {
    const auto more = jobs_of(engine.enqueue({.jobs = 5, .payload = std::string(100, 'p')}), 0, 5);
    all.insert(all.end(), more.begin(), more.end());
  }
  const bool restarted = GENERATE(false, true);
  if (restarted) engine.restart();
  const std::vector<JobId> some{all[0],   all[7],   all[99],  all[120], all[121],
                                all[122], all[123], all[124], all[199]};
  CHECK(all_cancelled(engine.cancel(some)));
  CHECK(engine.counts().cancelled == some.size());
  CHECK(engine.counts().pending == all.size() - some.size());
  CHECK(engine.disagreements() == kNone);
  CHECK(drain(engine) == without(all, some));
  CHECK(engine.engine().totals().window_bytes == 0);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a retried job that waits out of memory is cancelled there", "[core][cancel]") {
  EngineFixture engine(Settings{.window_bytes = 3000});
  const JobId job = engine.enqueue({.payload = std::string(100, 'p')});
  const auto worker = engine.worker();
  engine.fail(worker, engine.fetch(worker)[0]);
  std::vector<JobId> others;
  for (int i = 0; i < 40; ++i) others.push_back(engine.enqueue({.payload = std::string(300, 'p')}));
  engine.advance(2s);  // It is due while the window is full.
  REQUIRE(engine.state_of(job) == JobState::pending);
  CHECK(all_cancelled(engine.cancel(std::vector{job})));
  CHECK(engine.disagreements() == kNone);
  CHECK(drain(engine) == others);
  CHECK(engine.state_of(job) == JobState::cancelled);
  CHECK(engine.disagreements() == kNone);
}
