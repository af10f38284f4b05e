// What is past its retention goes, not a millisecond earlier, and leaves nothing behind.

#include <algorithm>

#include <catch2/catch.hpp>

#include "broker/core/bytes_io.h"
#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

namespace {

const std::vector<std::string> kNone;

Settings kept_for(Milliseconds retention, Milliseconds dead_retention = limits::kDeadRetention) {
  Settings settings;
  settings.defaults.retention = retention;
  settings.defaults.dead_retention = dead_retention;
  return settings;
}

bool is_gone(EngineFixture& engine, const JobId& job) {
  return engine.view(job).code == Errc::not_found;
}

// All that is pending, in one report and so in one commit.
void complete_all(EngineFixture& engine, const std::string& result = {}) {
  const auto worker = engine.worker();
  Report report{engine.ticket(worker.connection), worker.session, {}};
  for (auto jobs = engine.fetch(worker, 1000); !jobs.empty(); jobs = engine.fetch(worker, 1000)) {
    for (const auto& job : jobs) {
      report.outcomes.push_back(EngineFixture::outcome_of(job, Outcome::Kind::complete, result));
    }
  }
  CHECK(std::get<Reported>(engine.ask(std::move(report)).body).refused.empty());
}

// Batches of one job each, all completed at the same moment.
std::vector<BatchId> completed(EngineFixture& engine, std::size_t count) {
  std::vector<BatchId> batches;
  for (std::size_t i = 0; i < count; ++i) batches.push_back(engine.enqueue());
  complete_all(engine);
  return batches;
}

std::size_t left_of(EngineFixture& engine, const std::vector<BatchId>& batches) {
  std::size_t left = 0;
  for (const BatchId& batch : batches) left += is_gone(engine, batch) ? 0 : 1;
  return left;
}

// Whether the id of the batch or of one of its jobs stands in these bytes: all but the index.
bool names(std::string_view bytes, const BatchId& batch) {
  static constexpr std::size_t kIdBytes = 16;
  for (std::size_t at = 0; at + kIdBytes <= bytes.size(); ++at) {
    Reader reader(bytes.substr(at));
    if (reader.id().batch() == batch) return true;
  }
  return false;
}

// The tables of the rows that have anything to do with the batch, a name for each row.
std::vector<std::string> rows_about(EngineFixture& engine, const BatchId& batch) {
  std::vector<std::string> tables;
  for (const StoredRow& row : engine.rows()) {
    if (names(row.key, batch) || names(row.value.view(), batch))
      tables.emplace_back(to_string(row.table));
  }
  return tables;
}

// A batch whose jobs have left traces in every table, and have all ended.
BatchId eventful_batch(EngineFixture& engine) {
  const BatchId batch = engine.enqueue({.jobs = 8, .due = {Due::Kind::delay, 1s, {}}});
  engine.cancel(batch.job(0));
  engine.advance(1s);
  const auto worker = engine.worker();
  const auto first = engine.fetch(worker, 7);
  REQUIRE(first.size() == 7);
  engine.complete(worker, first[0]);
  engine.complete(worker, first[1], std::string(1000, 'r'));
  engine.fail(worker, first[2]);
  engine.fail(worker, first[3]);
  engine.fail(worker, first[4]);
  engine.release(worker, first[5]);
  engine.advance(500ms);  // The grant is stored.
  engine.cut(worker);
  engine.cancel(first[2].id);
  engine.advance(10s);
  const auto other = engine.worker();
  const auto again = engine.fetch(other, 7);
  REQUIRE(again.size() == 4);
  for (const auto& job : again) engine.complete(other, job, std::string(1000, 'r'));
  return batch;
}

}  // namespace

TEST_CASE("a completed job is kept for its retention, to the millisecond", "[core][reaping]") {
  EngineFixture engine(kept_for(60s));
  const JobId job = engine.enqueue();
  complete_all(engine, "done");
  CHECK(engine.view(job).kept_until == engine.now().at + 60s);
  engine.advance(60s - 1ms);
  CHECK(engine.view(job).result.view() == "done");
  CHECK(*engine.engine().next_deadline(engine.now()) == engine.now().at + 1ms);
  engine.advance(1ms);
  CHECK(is_gone(engine, job));
  CHECK(engine.counts().completed == 0);
  CHECK(engine.list(JobState::completed).empty());
}

TEST_CASE("a cancelled job is kept as long as a completed one", "[core][reaping]") {
  EngineFixture engine(kept_for(60s));
  const JobId job = engine.enqueue();
  engine.cancel(job);
  engine.advance(60s - 1ms);
  CHECK(engine.state_of(job) == JobState::cancelled);
  engine.advance(1ms);
  CHECK(is_gone(engine, job));
}

TEST_CASE("retention is of the queue, unless the job has its own", "[core][reaping]") {
  Settings settings = kept_for(60s);
  settings.queues[{"default", "short"}].retention = 10s;
  EngineFixture engine(settings);
  const JobId usual = engine.enqueue();
  const JobId brief = engine.enqueue({.queue = "short"});
  const JobId longer = engine.enqueue({.queue = "short", .options = {.retention = 30s}});
  const JobId none = engine.enqueue({.options = {.retention = 0s}});
  const auto worker = engine.worker();
  for (const auto& job : engine.fetch(worker, 10, {"q", "short"})) engine.complete(worker, job);
  CHECK(is_gone(engine, none));
  engine.advance(10s - 1ms);
  CHECK_FALSE(is_gone(engine, brief));
  engine.advance(1ms);
  CHECK(is_gone(engine, brief));
  engine.advance(20s - 1ms);
  CHECK_FALSE(is_gone(engine, longer));
  engine.advance(1ms);
  CHECK(is_gone(engine, longer));
  CHECK_FALSE(is_gone(engine, usual));
  engine.advance(30s);
  CHECK(is_gone(engine, usual));
}

TEST_CASE("a batch stays until the retention of its last job to end is over", "[core][reaping]") {
  EngineFixture engine(kept_for(60s));
  const BatchId batch = engine.enqueue({.jobs = 3});
  const auto worker = engine.worker();
  engine.complete(worker, engine.fetch(worker)[0]);
  engine.advance(1h);
  engine.cancel(batch.job(1));
  engine.advance(1h);
  CHECK(engine.state_of(batch.job(0)) == JobState::completed);
  complete_all(engine);
  engine.advance(60s - 1ms);
  CHECK(engine.counts().completed == 2);
  CHECK(engine.counts().cancelled == 1);
  CHECK(engine.state_of(batch.job(0)) == JobState::completed);
  engine.advance(1ms);
  for (const JobId& job : jobs_of(batch, 0, 3)) CHECK(is_gone(engine, job));
  CHECK(engine.counts().completed == 0);
  CHECK(engine.counts().cancelled == 0);
}

TEST_CASE("the longest retention of a batch's jobs keeps them all", "[core][reaping]") {
  EngineFixture engine;
  const BatchId batch = engine.fresh_id();
  Enqueue command = EngineFixture::enqueue_of(engine.ticket(), batch, {.jobs = 2});
  command.groups[0].jobs = IndexSet::single(0);
  command.groups[0].options.retention = 10s;
  command.groups.push_back(command.groups[0]);
  command.groups[1].jobs = IndexSet::single(1);
  command.groups[1].options.retention = 20s;
  engine.ask(std::move(command));
  complete_all(engine);
  engine.advance(20s - 1ms);
  CHECK_FALSE(is_gone(engine, batch.job(0)));
  CHECK_FALSE(is_gone(engine, batch.job(1)));
  engine.advance(1ms);
  CHECK(is_gone(engine, batch.job(0)));
  CHECK(is_gone(engine, batch.job(1)));
}

TEST_CASE("a dead letter outlives its batch, whole, until its own retention is over",
          "[core][reaping]") {
  EngineFixture engine(kept_for(60s, 1h));
  const BatchId batch = engine.enqueue({.jobs = 2, .options = {.max_attempts = 1}});
  const auto worker = engine.worker();
  const auto leased = engine.fetch(worker, 2);
  engine.fail(worker, leased[0]);
  engine.complete(worker, leased[1]);
  const JobView before = engine.view(batch.job(0));
  CHECK(before.kept_until == engine.now().at + 1h);
  engine.advance(60s);
  CHECK(is_gone(engine, batch.job(1)));
  const bool restarted = GENERATE(false, true);
  if (restarted) engine.restart();

  const JobView view = engine.view(batch.job(0));
  CHECK(view.state == JobState::failed);
  CHECK(view.queue == "q");
  CHECK(view.type == "t");
  CHECK(view.record.view() == before.record.view());
  CHECK(view.accepted_at == before.accepted_at);
  CHECK(view.kept_until == before.kept_until);
  REQUIRE(view.failure != nullptr);
  CHECK(view.failure->detail == "detail");
  CHECK(engine.list(JobState::failed) == std::vector{batch.job(0)});
  CHECK(engine.disagreements() == kNone);

  engine.advance(1h - 60s - 1ms);
  CHECK(engine.counts().failed == 1);
  engine.advance(1ms);
  CHECK(is_gone(engine, batch.job(0)));
  CHECK(engine.counts().failed == 0);
  CHECK(rows_about(engine, batch) == std::vector<std::string>{"batches"});
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a dead letter whose retention is the shorter one goes with its batch",
          "[core][reaping]") {
  EngineFixture engine(kept_for(1h, 60s));
  const BatchId batch = engine.enqueue({.jobs = 2, .options = {.max_attempts = 1}});
  const auto worker = engine.worker();
  for (const auto& job : engine.fetch(worker, 2)) engine.fail(worker, job);
  engine.advance(1h - 1ms);
  CHECK(engine.counts().failed == 2);
  engine.advance(1ms);
  CHECK(engine.counts().failed == 0);
  CHECK(is_gone(engine, batch));
  CHECK(rows_about(engine, batch) == std::vector<std::string>{"batches"});
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a reaped batch leaves its receipt, and that until its id is out of the window",
          "[core][reaping]") {
  EngineFixture engine(kept_for(60s));
  const BatchId batch = eventful_batch(engine);
  for (const std::string table : {"batches", "outcomes", "results", "jobs", "closed", "listed"}) {
    INFO(table);
    const auto tables = rows_about(engine, batch);
    CHECK(std::count(tables.begin(), tables.end(), table) > 0);
  }
  CHECK(engine.disagreements() == kNone);
  engine.advance(60s);
  CHECK(rows_about(engine, batch) == std::vector<std::string>{"batches"});
  CHECK(engine.disagreements() == kNone);
  const auto sent_again = engine.enqueue_as(batch, {.jobs = 8});
  CHECK(std::get<Accepted>(sent_again.body).duplicate);
  CHECK(code_of(engine.enqueue_as(batch, {.jobs = 8, .hash = 2})) == Errc::id_conflict);
  CHECK(engine.fetch(engine.worker()).empty());

  engine.advance(limits::kReceiptWindow + limits::kIdAheadMax);
  engine.enqueue();  // The store hides what had expired by its last commit.
  CHECK(rows_about(engine, batch) == kNone);
  CHECK(code_of(engine.enqueue_as(batch, {.jobs = 8})) == Errc::id_expired);
}

TEST_CASE("reaping leaves what is not over alone", "[core][reaping]") {
  EngineFixture engine(kept_for(60s));
  completed(engine, 5);
  engine.advance(30s);
  const auto later = completed(engine, 5);
  const BatchId open = engine.enqueue({.jobs = 2});
  const auto worker = engine.worker();
  engine.complete(worker, engine.fetch(worker)[0]);
  engine.advance(60s - 1ms);
  CHECK(left_of(engine, later) == 5);
  CHECK(engine.counts().completed == 6);
  engine.advance(1ms);
  CHECK(left_of(engine, later) == 0);
  engine.advance(1h);
  CHECK(engine.counts().completed == 1);
  CHECK(engine.state_of(open.job(1)) == JobState::pending);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("batches are reaped in portions", "[core][reaping]") {
  Settings settings = kept_for(60s);
  settings.grain.reaped_at_once = 3;
  EngineFixture engine(settings);
  const auto batches = completed(engine, 20);
  engine.hold_reads(GENERATE(EngineFixture::Rows::as_asked, EngineFixture::Rows::as_answered));
  engine.advance(60s);
  std::size_t reaped = 0;
  while (!engine.reads_under_way().empty()) {
    const std::vector<Read> reads = engine.reads_under_way();
    REQUIRE(reads.size() == 1);
    const auto& ranges = reads[0].ranges;
    const auto count = std::count_if(ranges.begin(), ranges.end(), [](const Range& range) {
      return range.table == Table::batches;
    });
    CHECK(count <= 3);
    reaped += static_cast<std::size_t>(count);
    engine.answer_reads();
  }
  CHECK(reaped == 20);
  engine.let_go();
  CHECK(left_of(engine, batches) == 0);
  CHECK(engine.counts().completed == 0);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("what is too large to be reaped together is reaped one by one", "[core][reaping]") {
  EngineFixture engine(kept_for(60s));
  std::vector<BatchId> batches;
  for (int i = 0; i < 6; ++i)
    batches.push_back(engine.enqueue({.jobs = 60, .payload = std::string(30'000, 'x')}));
  complete_all(engine);
  engine.advance(60s);
  CHECK(left_of(engine, batches) == 0);
  CHECK(engine.counts().completed == 0);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("reaping goes on after a restart where it stopped", "[core][reaping]") {
  Settings settings = kept_for(60s);
  settings.grain.reaped_at_once = 1;
  EngineFixture engine(settings);
  const auto batches = completed(engine, 10);
  engine.hold_reads(EngineFixture::Rows::as_asked);
  engine.advance(60s);
  for (int i = 0; i < 5; ++i) engine.answer_reads();  // The row of `closed`, then four batches.
  const auto reaped = [&] {
    return std::count_if(batches.begin(), batches.end(), [&](const BatchId& batch) {
      const auto tables = rows_about(engine, batch);
      return std::count(tables.begin(), tables.end(), "outcomes") == 0;
    });
  };
  CHECK(reaped() == 4);
  engine.post(EngineFixture::enqueue_of(engine.ticket(), engine.fresh_id(), {}));  // It is synced.
  engine.restart();
  CHECK(reaped() == 10);
  CHECK(left_of(engine, batches) == 0);
  CHECK(engine.counts().completed == 0);
  for (const BatchId& batch : batches)
    CHECK(rows_about(engine, batch) == std::vector<std::string>{"batches"});
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("what was closed before a restart is reaped after it, and not early", "[core][reaping]") {
  EngineFixture engine(kept_for(60s));
  const auto batches = completed(engine, 3);
  engine.advance(20s);
  engine.restart();
  engine.advance(40s - 1ms);
  CHECK(left_of(engine, batches) == 3);
  engine.advance(1ms);
  CHECK(left_of(engine, batches) == 0);
}

TEST_CASE("a batch that is closed while the reaper looks is not overlooked", "[core][reaping]") {
  EngineFixture engine(kept_for(10h));
  completed(engine, 1);
  engine.advance(1h);  // The reaper knows now that nothing is due for long, and looks each hour.
  const JobId brief = engine.enqueue({.options = {.retention = 0ms}});
  engine.hold_reads(GENERATE(EngineFixture::Rows::as_asked, EngineFixture::Rows::as_answered));
  engine.advance(1h);
  REQUIRE(engine.reads_under_way().size() == 1);
  engine.post(CancelJobs{engine.ticket(), {brief}});
  engine.let_go();
  CHECK(is_gone(engine, brief));
  CHECK(engine.counts().completed == 1);
}

TEST_CASE("jumps of the wall clock reap nothing early and keep nothing longer", "[core][reaping]") {
  EngineFixture engine(kept_for(60s, 120s));
  const Milliseconds jump = GENERATE(10 * 365 * 24h, -365 * 24h);
  const bool jumped = GENERATE(false, true);
  if (jumped) engine.jump_wall(jump);
  const JobId done = engine.enqueue();
  complete_all(engine);
  const JobId dead = engine.enqueue({.options = {.max_attempts = 1, .retention = 0ms}});
  const auto worker = engine.worker();
  engine.fail(worker, engine.fetch(worker)[0]);
  if (!jumped) engine.jump_wall(jump);
  engine.advance(60s - 1ms);
  CHECK_FALSE(is_gone(engine, done));
  engine.advance(1ms);
  CHECK(is_gone(engine, done));
  engine.advance(60s - 1ms);
  CHECK_FALSE(is_gone(engine, dead));
  engine.advance(1ms);
  CHECK(is_gone(engine, dead));
}

TEST_CASE("a wall clock that was set back reaps nothing early over a restart", "[core][reaping]") {
  EngineFixture engine(kept_for(60s));
  const auto batches = completed(engine, 2);
  engine.jump_wall(-24h);
  engine.restart();
  engine.advance(60s - 1ms);
  CHECK(left_of(engine, batches) == 2);
  engine.advance(1ms);
  CHECK(left_of(engine, batches) == 0);
}
