// What a cancellation does to a job, by the state that it finds it in.

#include <catch2/catch.hpp>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

namespace {

const std::vector<std::string> kNone;

// The verdict that a cancelled job is given.
bool is_cancelled(const CancelVerdict& verdict) {
  return verdict.code == Errc::ok && verdict.state == JobState::cancelled;
}

}  // namespace

TEST_CASE("a pending job that is cancelled is never leased", "[core][cancel]") {
  EngineFixture engine;
  const JobId job = engine.enqueue();
  const auto worker = engine.worker();
  CHECK(is_cancelled(engine.cancel(job)));
  CHECK(engine.fetch(worker).empty());
  const JobView view = engine.view(job);
  CHECK(view.state == JobState::cancelled);
  CHECK(view.finished_at == engine.now().at);
  CHECK(view.attempt == 0);
  CHECK(engine.counts().cancelled == 1);
  CHECK(engine.counts().pending == 0);
  CHECK(engine.list(JobState::cancelled) == std::vector{job});
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a cancelled job leaves the others of its batch as they were", "[core][cancel]") {
  EngineFixture engine;
  const BatchId batch = engine.enqueue({.jobs = 5});
  const auto worker = engine.worker();
  CHECK(is_cancelled(engine.cancel(batch.job(2))));
  const auto leased = engine.fetch(worker, 5);
  REQUIRE(leased.size() == 4);
  for (const auto& job : leased) {
    CHECK(job.id != batch.job(2));
    CHECK(job.payload == "payload" + std::to_string(job.id.index()));
    CHECK(engine.complete(worker, job) == Errc::ok);
  }
  CHECK(engine.counts().completed == 4);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a scheduled job that is cancelled does not come at its time, the others do",
          "[core][cancel]") {
  Settings settings;
  settings.grain.agenda_entries = GENERATE(4, 20'000);  // Its entry is in memory, or not.
  EngineFixture engine(settings);
  for (int i = 0; i < 10; ++i)
    engine.enqueue({.queue = "other", .due = {Due::Kind::delay, 1s, {}}});
  const Due due = GENERATE(Due{Due::Kind::delay, 5s, {}}, Due{Due::Kind::run_at, {}, {}});
  BatchSpec spec{.jobs = 2, .due = due};
  spec.due.run_at = engine.now().wall + 5s;
  const BatchId batch = engine.enqueue(spec);
  const auto worker = engine.worker();
  CHECK(is_cancelled(engine.cancel(batch.job(0))));
  CHECK(engine.counts().scheduled == 1);
  CHECK(engine.list(JobState::scheduled) == std::vector{batch.job(1)});
  CHECK(engine.disagreements() == kNone);
  engine.advance(5s);
  const auto leased = engine.fetch(worker, 10);
  REQUIRE(leased.size() == 1);
  CHECK(leased[0].id == batch.job(1));
  CHECK(engine.state_of(batch.job(0)) == JobState::cancelled);
}

TEST_CASE("a delayed run with no job left leaves nothing to wake up for", "[core][cancel]") {
  EngineFixture engine;
  const BatchId batch = engine.enqueue({.jobs = 2, .due = {Due::Kind::delay, 5s, {}}});
  engine.cancel(jobs_of(batch, 0, 2));
  const auto next = engine.engine().next_deadline(engine.now());
  CHECK((!next || *next > engine.now().at + 5s));
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a delayed job whose time has come is cancelled like any pending one", "[core][cancel]") {
  EngineFixture engine;
  const BatchId batch = engine.enqueue({.jobs = 2, .due = {Due::Kind::delay, 5s, {}}});
  engine.advance(5s);
  CHECK(is_cancelled(engine.cancel(batch.job(0))));
  const auto leased = engine.fetch(engine.worker(), 2);
  REQUIRE(leased.size() == 1);
  CHECK(leased[0].id == batch.job(1));
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a retrying job that is cancelled keeps what went wrong, and does not run again",
          "[core][cancel]") {
  EngineFixture engine;
  const JobId job = engine.enqueue();
  const auto worker = engine.worker();
  engine.fail(worker, engine.fetch(worker)[0]);
  CHECK(is_cancelled(engine.cancel(job)));
  CHECK(engine.counts().retrying == 0);
  CHECK(engine.list(JobState::retrying).empty());
  CHECK(engine.disagreements() == kNone);
  engine.advance(10s);
  CHECK(engine.fetch(worker).empty());
  const JobView view = engine.view(job);
  CHECK(view.state == JobState::cancelled);
  REQUIRE(view.failure != nullptr);
  CHECK(view.failure->message == "it went wrong");
}

TEST_CASE("a job that waits again after a retry is cancelled where it stands", "[core][cancel]") {
  EngineFixture engine;
  const JobId job = engine.enqueue();
  const auto worker = engine.worker();
  engine.fail(worker, engine.fetch(worker)[0]);
  engine.advance(10s);
  REQUIRE(engine.state_of(job) == JobState::pending);
  CHECK(is_cancelled(engine.cancel(job)));
  CHECK(engine.fetch(worker).empty());
  CHECK(engine.counts().pending == 0);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a running job is cancelled when its worker says that it did not succeed",
          "[core][cancel]") {
  EngineFixture engine;
  const JobId job = engine.enqueue();
  const auto worker = engine.worker();
  const auto leased = engine.fetch(worker);
  const CancelVerdict verdict = engine.cancel(job);
  CHECK(verdict.code == Errc::ok);
  CHECK(verdict.state == JobState::processing);
  CHECK(engine.state_of(job) == JobState::processing);
  CHECK(engine.view(job).cancel_requested);
  JobState end = JobState::cancelled;
  std::size_t attempts = 1;
  SECTION("by a failure") {
    CHECK(engine.fail(worker, leased[0]) == Errc::ok);
    CHECK(engine.view(job).attempts.back().end == AttemptView::End::stopped);
  }
  SECTION("by a release") {
    CHECK(engine.release(worker, leased[0]) == Errc::ok);
    attempts = 0;
  }
  SECTION("by silence") {
    engine.advance(limits::kLease);
  }
  SECTION("but it may still succeed") {
    CHECK(engine.complete(worker, leased[0], "done") == Errc::ok);
    CHECK(engine.view(job).result.view() == "done");
    end = JobState::completed;
  }
  CHECK(engine.state_of(job) == end);
  CHECK(engine.view(job).attempts.size() == attempts);
  CHECK(engine.counts().processing == 0);
  engine.advance(1min);
  CHECK(engine.fetch(engine.worker()).empty());
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("what has ended cannot be cancelled; the answer is how it ended", "[core][cancel]") {
  EngineFixture engine;
  const auto worker = engine.worker();
  const JobId completed = engine.enqueue();
  engine.complete(worker, engine.fetch(worker)[0], "done");
  const JobId failed = engine.enqueue({.options = {.max_attempts = 1}});
  engine.fail(worker, engine.fetch(worker)[0]);
  const std::size_t commits = engine.commits();
  CHECK(engine.cancel(completed).state == JobState::completed);
  CHECK(engine.cancel(failed).state == JobState::failed);
  CHECK(engine.commits() == commits);  // Nothing was changed.
  CHECK(engine.view(completed).result.view() == "done");
  CHECK(engine.counts().completed == 1);
  CHECK(engine.counts().failed == 1);
  CHECK(engine.counts().cancelled == 0);
}

TEST_CASE("an unknown job is not found, be it of an unknown batch or beyond a known one's end",
          "[core][cancel]") {
  EngineFixture engine;
  const BatchId batch = engine.enqueue({.jobs = 3});
  CHECK(engine.cancel(engine.fresh_id()).code == Errc::not_found);
  CHECK(engine.cancel(batch.job(3)).code == Errc::not_found);
  CHECK(engine.cancel(batch.job(4095)).code == Errc::not_found);
  CHECK(engine.counts().pending == 3);
}

TEST_CASE("a job that is cancelled twice is cancelled once", "[core][cancel]") {
  EngineFixture engine;
  const JobId job = engine.enqueue({.due = GENERATE(Due{}, Due{Due::Kind::delay, 5s, {}})});
  SECTION("one after the other") {
    CHECK(is_cancelled(engine.cancel(job)));
    engine.advance(1s);
    CHECK(is_cancelled(engine.cancel(job)));
    CHECK(engine.view(job).finished_at == engine.now().at - 1s);
  }
  SECTION("in one request") {
    for (const CancelVerdict& verdict : engine.cancel({job, job})) CHECK(is_cancelled(verdict));
  }
  SECTION("in one commit") {
    const Ticket first = engine.ticket();
    engine.send(CancelJobs{first, {job}});
    const Ticket second = engine.post(CancelJobs{engine.ticket(), {job}});
    for (const Ticket& ticket : {first, second}) {
      const auto reply = engine.reply_to(ticket);
      REQUIRE(reply);
      CHECK(is_cancelled(std::get<CancelVerdicts>(reply->body).jobs.at(0)));
    }
  }
  CHECK(engine.counts().cancelled == 1);
  CHECK(engine.list(JobState::cancelled) == std::vector{job});
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a running job that is cancelled twice ends once", "[core][cancel]") {
  EngineFixture engine;
  const JobId job = engine.enqueue();
  const auto worker = engine.worker();
  const auto leased = engine.fetch(worker);
  CHECK(engine.cancel(job).state == JobState::processing);
  CHECK(engine.cancel(job).state == JobState::processing);
  CHECK(engine.fail(worker, leased[0]) == Errc::ok);
  CHECK(is_cancelled(engine.cancel(job)));
  CHECK(engine.counts().cancelled == 1);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a cancellation and a report of one commit: who comes first is right", "[core][cancel]") {
  EngineFixture engine;
  const JobId job = engine.enqueue();
  const auto worker = engine.worker();
  const auto leased = engine.fetch(worker);
  const auto kind = GENERATE(Outcome::Kind::complete, Outcome::Kind::fail, Outcome::Kind::release);
  const CancelJobs cancel{engine.ticket(), {job}};
  const Report report{engine.ticket(worker.connection),
                      worker.session,
                      {EngineFixture::outcome_of(leased[0], kind)}};
  const bool cancelled_first = GENERATE(true, false);
  INFO("cancelled first: " << cancelled_first << ", outcome " << static_cast<int>(kind));
  const std::size_t commits = engine.commits();
  if (cancelled_first) {
    engine.send(cancel);
    engine.send(report);
  } else {
    engine.send(report);
    engine.send(cancel);
  }
  engine.settle();
  CHECK(engine.commits() == commits + 1);
  const auto cancelled = engine.reply_to(cancel.ticket);
  const auto reported = engine.reply_to(report.ticket);
  REQUIRE(cancelled);
  REQUIRE(reported);
  CHECK(std::get<Reported>(reported->body).refused.empty());
  const bool succeeded = kind == Outcome::Kind::complete;
  const JobState end = succeeded ? JobState::completed : JobState::cancelled;
  CHECK(std::get<CancelVerdicts>(cancelled->body).jobs.at(0).state ==
        (cancelled_first ? JobState::processing : end));
  CHECK(engine.state_of(job) == end);
  engine.advance(1min);
  CHECK(engine.fetch(engine.worker()).empty());
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a job can be cancelled in the commit that accepts it", "[core][cancel]") {
  Settings settings;
  settings.window_bytes = GENERATE(std::size_t{0}, std::size_t{1} << 20);
  EngineFixture engine(settings);
  const Due due = GENERATE(Due{}, Due{Due::Kind::delay, 5s, {}});
  const BatchId batch = engine.fresh_id();
  engine.send(EngineFixture::enqueue_of(engine.ticket(), batch, {.jobs = 3, .due = due}));
  const Ticket ticket = engine.post(CancelJobs{engine.ticket(), {batch.job(1)}});
  const auto reply = engine.reply_to(ticket);
  REQUIRE(reply);
  CHECK(is_cancelled(std::get<CancelVerdicts>(reply->body).jobs.at(0)));
  CHECK(engine.disagreements() == kNone);
  engine.advance(5s);
  const auto worker = engine.worker();
  std::vector<JobId> seen;
  while (seen.size() < 2) {
    const auto jobs = engine.fetch(worker, 3);
    REQUIRE(!jobs.empty());
    for (const auto& job : jobs) seen.push_back(job.id);
  }
  CHECK(seen == std::vector{batch.job(0), batch.job(2)});
  CHECK(engine.fetch(worker, 3).empty());
}

TEST_CASE("who waits for a job hears that it was cancelled", "[core][cancel]") {
  EngineFixture engine;
  const JobId job = engine.enqueue({.due = {Due::Kind::delay, 5s, {}}});
  const Ticket waits = engine.post(WaitJob{engine.ticket(), job, 30s});
  CHECK_FALSE(engine.reply_to(waits));
  engine.cancel(job);
  const auto reply = engine.reply_to(waits);
  REQUIRE(reply);
  CHECK(std::get<Waited>(reply->body).job.state == JobState::cancelled);
}

TEST_CASE("a cancellation is answered when it is durable, and holds over a restart",
          "[core][cancel]") {
  EngineFixture engine;
  const JobId job = engine.enqueue();
  engine.hold_commits();
  const Ticket lost = engine.post(CancelJobs{engine.ticket(), {job}});
  REQUIRE(engine.commit_under_way() != nullptr);
  CHECK_FALSE(engine.reply_to(lost));
  engine.restart();  // Before it was written: nobody was told that it is cancelled.
  CHECK(engine.state_of(job) == JobState::pending);
  CHECK(is_cancelled(engine.cancel(job)));
  engine.restart();
  CHECK(engine.state_of(job) == JobState::cancelled);
  CHECK(engine.fetch(engine.worker()).empty());
  CHECK(engine.disagreements() == kNone);
}
