// What one request, or one moment, changes of many large records goes into several commits: the
// store takes only so much at once.

#include <catch2/catch.hpp>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

namespace {

const std::vector<std::string> kNone;
constexpr std::size_t kJobs = 100;
constexpr std::size_t kDetailBytes = 4000;
constexpr std::size_t kCommitBytes = 100'000;  // A quarter of what all records come to.

Settings small_commits() {
  Settings settings;
  settings.defaults.backoff = 1s;
  settings.restart_grace = 300s;
  settings.grain.commit_bytes = kCommitBytes / 4;
  settings.grain.due_bytes = kCommitBytes / 8;
  settings.grain.taken_along_bytes = kCommitBytes / 4;
  return settings;
}

pawl::store::MemoryOptions small_store() {
  pawl::store::MemoryOptions options;
  options.caps.bytes_max = kCommitBytes;
  return options;
}

// The store rejects a commit of more, and the fixture asserts that none is rejected.
struct SmallCommits : EngineFixture {
  explicit SmallCommits(const Settings& settings = small_commits())
      : EngineFixture(settings, small_store()) {}

  // All that is pending fails, as many jobs in a report as its failures may have bytes together.
  void fail_all(std::size_t message_bytes, std::size_t detail_bytes) {
    const Worker failing = worker();
    Report failures{ticket(failing.connection), failing.session, {}};
    const auto send_them = [&] {
      CHECK(std::get<Reported>(ask(failures).body).refused.empty());
      failures = {ticket(failing.connection), failing.session, {}};
    };
    for (const Leased& job : EngineFixture::fetch(failing, kJobs)) {
      failures.outcomes.push_back(outcome_of(job, Outcome::Kind::fail));
      failures.outcomes.back().failure.message = std::string(message_bytes, 'm');
      failures.outcomes.back().failure.detail = std::string(detail_bytes, 'd');
      if (failures.outcomes.size() == 10) send_them();
    }
    send_them();
  }

  // Jobs that have failed with much to say of it.
  BatchId retrying() {
    const BatchId batch = enqueue({.jobs = kJobs});
    fail_all(10, kDetailBytes);
    return batch;
  }
  // Jobs that have failed so often that the messages alone are much.
  BatchId often_failed() {
    const BatchId batch = enqueue({.jobs = kJobs, .options = {.max_attempts = 100}});
    for (int i = 0; i < 10; ++i) {
      fail_all(kDetailBytes / 10, 0);
      advance(2h);
    }
    CHECK(counts().pending == kJobs);
    return batch;
  }

  // One report of everything that the worker has.
  Report report_of(const Worker& worker, const std::vector<Leased>& jobs, Outcome::Kind kind) {
    Report report{ticket(worker.connection), worker.session, {}};
    for (const Leased& job : jobs) {
      report.outcomes.push_back(outcome_of(job, kind));
      report.outcomes.back().failure = {};
    }
    return report;
  }
};

}  // namespace

TEST_CASE("cancelling many jobs with long histories takes several commits", "[core][commits]") {
  SmallCommits engine;
  const BatchId batch = engine.retrying();
  const bool restarted = GENERATE(false, true);
  if (restarted) engine.restart();
  const std::size_t commits = engine.commits();
  for (const CancelVerdict& verdict : engine.cancel(jobs_of(batch, 0, kJobs)))
    CHECK(verdict.state == JobState::cancelled);
  CHECK(engine.commits() > commits + 4);
  CHECK(engine.counts().cancelled == kJobs);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a cancellation that takes several commits is answered after the last",
          "[core][commits]") {
  SmallCommits engine;
  const BatchId batch = engine.retrying();
  engine.hold_commits();
  const Ticket ticket = engine.post(CancelJobs{engine.ticket(), jobs_of(batch, 0, kJobs)});
  std::size_t commits = 0;
  while (!engine.reply_to(ticket)) {
    REQUIRE(engine.commit_under_way() != nullptr);
    engine.write_commit();
    ++commits;
  }
  CHECK(commits > 4);
  CHECK(engine.commit_under_way() == nullptr);
}

TEST_CASE("many retries of one batch become due over several commits", "[core][commits]") {
  SmallCommits engine;
  engine.retrying();
  const bool restarted = GENERATE(false, true);
  if (restarted) engine.restart();  // Otherwise the batch is in memory.
  const std::size_t commits = engine.commits();
  engine.advance(2s);
  CHECK(engine.counts().pending == kJobs);
  CHECK(engine.commits() > commits + 4);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a report of many jobs with long histories takes several commits", "[core][commits]") {
  SmallCommits engine;
  engine.often_failed();
  const auto worker = engine.worker();
  const auto leased = engine.fetch(worker, 1000);
  REQUIRE(leased.size() == kJobs);
  const auto kind = GENERATE(Outcome::Kind::complete, Outcome::Kind::fail);
  const std::size_t commits = engine.commits();
  const Reply reply = engine.ask(engine.report_of(worker, leased, kind));
  CHECK(std::get<Reported>(reply.body).refused.empty());
  CHECK(engine.commits() > commits + 4);
  const QueueCounts counts = engine.counts();
  CHECK((kind == Outcome::Kind::fail ? counts.retrying : counts.completed) == kJobs);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("one outcome of many jobs with long histories takes several commits", "[core][commits]") {
  SmallCommits engine;
  engine.often_failed();
  const auto worker = engine.worker();
  const auto leased = engine.fetch(worker, 1000);
  Outcome outcome = EngineFixture::outcome_of(leased.at(0), Outcome::Kind::complete);
  outcome.jobs = IndexSet::range(0, kJobs + 1);  // One more than there are.
  const Reply reply =
      engine.ask(Report{engine.ticket(worker.connection), worker.session, {outcome}});
  CHECK(std::get<Reported>(reply.body).refused.size() == 1);
  CHECK(engine.counts().completed == kJobs);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a report that is repeated while it is still being written is refused",
          "[core][commits]") {
  SmallCommits engine;
  engine.often_failed();
  const auto worker = engine.worker();
  const auto leased = engine.fetch(worker, 1000);
  engine.hold_commits();
  const Ticket first = engine.post(engine.report_of(worker, leased, Outcome::Kind::complete));
  const Ticket second = engine.post(engine.report_of(worker, leased, Outcome::Kind::fail));
  CHECK_FALSE(engine.reply_to(first));
  engine.let_go();
  CHECK(std::get<Reported>(engine.reply_to(first).value().body).refused.empty());
  CHECK(std::get<Reported>(engine.reply_to(second).value().body).refused.size() == kJobs);
  CHECK(engine.counts().completed == kJobs);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("reports that wait for one batch after a restart take several commits",
          "[core][commits]") {
  SmallCommits engine;
  engine.often_failed();
  auto worker = engine.worker();
  const auto leased = engine.fetch(worker, 1000);
  engine.advance(limits::kGrantStoredWithin);
  engine.restart();
  worker = engine.back(worker, leased);
  engine.hold_reads(EngineFixture::Rows::as_asked);
  std::vector<Ticket> tickets;
  for (const auto& job : leased)
    tickets.push_back(engine.post(engine.report_of(worker, {job}, Outcome::Kind::complete)));
  engine.let_go();
  for (const Ticket& ticket : tickets) {
    const auto reply = engine.reply_to(ticket);
    REQUIRE(reply);
    CHECK(std::get<Reported>(reply->body).refused.empty());
  }
  CHECK(engine.counts().completed == kJobs);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("the jobs of a lost worker come back over several commits", "[core][commits]") {
  SmallCommits engine;
  engine.often_failed();
  const auto worker = engine.worker();
  REQUIRE(engine.fetch(worker, 1000).size() == kJobs);
  const std::size_t commits = engine.commits();
  engine.cut(worker);
  engine.advance(limits::kCutGrace);
  CHECK(engine.commits() > commits + 4);
  CHECK(engine.engine().totals().sessions == 0);
  CHECK(engine.counts().pending == kJobs);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("jobs that a worker does not list any more end over several commits when cancelled",
          "[core][commits]") {
  SmallCommits engine;
  const BatchId batch = engine.retrying();
  engine.advance(2s);
  const auto worker = engine.worker();
  REQUIRE(engine.fetch(worker, 1000).size() == kJobs);
  engine.cancel(jobs_of(batch, 0, kJobs));
  engine.back(worker, {});
  CHECK(engine.counts().cancelled == kJobs);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a batch whose dead letters would take much along stays for them", "[core][commits]") {
  Settings settings = small_commits();
  settings.defaults.max_attempts = 1;
  settings.defaults.retention = 60s;
  settings.defaults.dead_retention = 1h;
  SmallCommits engine(settings);
  Enqueue command = EngineFixture::enqueue_of(engine.ticket(), engine.fresh_id(), {.jobs = kJobs});
  std::size_t detail = 0;
  SECTION("defaults, by each of them") {
    command.defaults = Blob::copy_of(std::string(kDetailBytes, 'd'));
  }
  SECTION("failures with many details") {
    detail = kDetailBytes;
  }
  const BatchId batch = command.batch;
  engine.ask(std::move(command));
  const auto worker = engine.worker();
  engine.complete(worker, engine.fetch(worker).at(0));
  engine.fail_all(10, detail);
  const auto before = engine.view(batch.job(kJobs - 1));
  engine.advance(60s);
  CHECK(engine.counts().failed == kJobs - 1);
  CHECK(engine.disagreements() == kNone);
  engine.restart();
  engine.advance(1h - 60s - 1ms);
  const auto after = engine.view(batch.job(kJobs - 1));
  CHECK(after.state == JobState::failed);
  CHECK((after.defaults.view() == before.defaults.view()));
  CHECK(after.record.view() == before.record.view());
  engine.advance(1ms);
  CHECK(engine.view(batch).code == Errc::not_found);
  CHECK(engine.counts().failed == 0);
  CHECK(engine.counts().completed == 0);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("batches whose dead letters take a little along each are reaped over several commits",
          "[core][commits]") {
  Settings settings = small_commits();
  settings.defaults.max_attempts = 1;
  settings.defaults.retention = 60s;
  SmallCommits engine(settings);
  std::vector<BatchId> batches;
  for (std::size_t i = 0; i < 40; ++i)
    batches.push_back(engine.enqueue({.payload = std::string(18'000, 'p')}));
  engine.fail_all(10, kDetailBytes);
  const std::size_t commits = engine.commits();
  engine.advance(60s);
  CHECK(engine.commits() > commits + 4);
  CHECK(engine.counts().failed == 40);
  for (const BatchId& batch : batches)
    CHECK(engine.view(batch).record.view() == job_record(std::string(18'000, 'p') + "0"));
  CHECK(engine.disagreements() == kNone);
}
