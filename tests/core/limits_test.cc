// Requests at the bounds of limits.h: each is taken, given back whole, and fits into the store. The
// fixture's store rejects a commit that is more than its caps say, and the fixture asserts that
// none is.

#include <algorithm>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

namespace {

const std::vector<std::string> kNone;

std::string longest_name(char letter, std::size_t number = 0) {
  std::string name = fmt::format("{}{}", letter, number);
  name.resize(limits::kNameBytesMax, letter);
  return name;
}

// Bytes that no compression and no mix-up of places would leave the same.
std::string bytes(std::size_t count) {
  std::string all(count, '\0');
  std::uint64_t state = count;
  for (char& byte : all) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    byte = static_cast<char>(state >> 56);
  }
  return all;
}

Enqueue one_job(EngineFixture& engine, const std::string& payload, std::size_t defaults = 0) {
  Enqueue command = EngineFixture::enqueue_of(engine.ticket(), engine.fresh_id(), {});
  command.jobs = Blob::copy_of(job_record(payload));
  command.defaults = Blob::copy_of(bytes(defaults));
  return command;
}

// A batch of as many jobs as a batch may have, each in a group and a lane of its own.
Enqueue lane_for_each(EngineFixture& engine) {
  Enqueue command = EngineFixture::enqueue_of(engine.ticket(), engine.fresh_id(),
                                              {.jobs = limits::kBatchJobsMax});
  command.ns = longest_name('n');
  command.queue = longest_name('q');
  command.groups.clear();
  for (std::size_t i = 0; i < limits::kBatchJobsMax; ++i) {
    JobGroup group{longest_name('t', i % limits::kFetchTypesMax),
                   5,
                   longest_name('k', i),
                   {},
                   {},
                   IndexSet::range(i, i + 1)};
    group.options.max_attempts = static_cast<std::uint32_t>(i + 1);
    command.groups.push_back(std::move(group));
  }
  return command;
}

std::vector<EngineFixture::Leased> fetch_from(EngineFixture& engine,
                                              const EngineFixture::Worker& worker,
                                              std::vector<std::string> queues,
                                              std::vector<std::string> types = {}) {
  return EngineFixture::leased_of(
      engine.ask(Fetch{engine.ticket(worker.connection), worker.session, longest_name('n'),
                       std::move(queues), std::move(types), limits::kFetchCreditsMax, 0ms}));
}

}  // namespace

TEST_CASE("the largest payload and the largest result come back whole", "[core][limits]") {
  Settings settings;
  settings.window_bytes = GENERATE(std::size_t{0}, std::size_t{48} << 20);
  EngineFixture engine(settings);
  const std::string payload = bytes(limits::kPayloadBytesMax);
  const std::string result = bytes(limits::kResultBytesMax);
  const Enqueue command = one_job(engine, payload);
  REQUIRE(code_of(engine.ask(command)) == Errc::ok);
  const auto worker = engine.worker();
  const auto leased = engine.fetch(worker);
  REQUIRE(leased.size() == 1);
  CHECK((leased[0].payload == payload));
  CHECK(engine.complete(worker, leased[0], result) == Errc::ok);
  engine.restart();
  const JobView view = engine.view(command.batch);
  CHECK(view.state == JobState::completed);
  CHECK((view.record.view() == job_record(payload)));
  CHECK((view.result.view() == result));
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("the largest result of a job that was retried comes back whole", "[core][limits]") {
  EngineFixture engine;
  const JobId job = engine.enqueue();
  const auto worker = engine.worker();
  engine.fail(worker, engine.fetch(worker)[0]);
  engine.advance(2s);
  const std::string result = bytes(limits::kResultBytesMax);
  CHECK(engine.complete(worker, engine.fetch(worker).at(0), result) == Errc::ok);
  CHECK((engine.view(job).result.view() == result));
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("the largest job with its defaults fits, as a dead letter that outlives its batch too",
          "[core][limits]") {
  Settings settings;
  settings.defaults.retention = 1s;
  settings.defaults.max_attempts = 1;
  EngineFixture engine(settings);
  const std::string payload = bytes(limits::kPayloadBytesMax);
  const std::size_t defaults = limits::kJobBytesMax - job_record(payload).size();
  const Enqueue command = one_job(engine, payload, defaults);
  REQUIRE(code_of(engine.ask(command)) == Errc::ok);
  const auto worker = engine.worker();
  engine.fail(worker, engine.fetch(worker).at(0));
  engine.advance(1min);
  const JobView view = engine.view(command.batch);
  CHECK(view.state == JobState::failed);
  CHECK((view.record.view() == job_record(payload)));
  CHECK((view.defaults.view() == bytes(defaults)));
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a batch that fills a frame comes back in its order", "[core][limits]") {
  Settings settings;
  settings.window_bytes = GENERATE(std::size_t{0}, std::size_t{48} << 20);
  EngineFixture engine(settings);
  const std::string payload = bytes(limits::kFrameBytesMax / limits::kBatchJobsMax - 16);
  const BatchId batch = engine.enqueue({.jobs = limits::kBatchJobsMax, .payload = payload});
  const auto worker = engine.worker();
  std::size_t next = 0;
  while (next < limits::kBatchJobsMax) {
    const auto jobs = engine.fetch(worker, limits::kFetchCreditsMax);
    REQUIRE(!jobs.empty());
    for (const auto& job : jobs) {
      CHECK(job.id == batch.job(static_cast<JobIndex>(next)));
      CHECK((job.payload == payload + std::to_string(next)));
      ++next;
    }
  }
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("each job of the largest batch may have a lane of its own, with the longest names",
          "[core][limits]") {
  EngineFixture engine;
  const Enqueue command = lane_for_each(engine);
  REQUIRE(code_of(engine.ask(command)) == Errc::ok);
  CHECK(engine.engine().totals().lanes == limits::kBatchJobsMax);
  const bool restarted = GENERATE(false, true);
  if (restarted) engine.restart();
  const JobView view = engine.view(command.batch.job(limits::kBatchJobsMax - 1));
  CHECK(view.ns == longest_name('n'));
  CHECK(view.queue == longest_name('q'));
  CHECK(view.type == longest_name('t', (limits::kBatchJobsMax - 1) % limits::kFetchTypesMax));
  CHECK(view.key == longest_name('k', limits::kBatchJobsMax - 1));
  CHECK(view.max_attempts == limits::kBatchJobsMax);
  CHECK(engine.disagreements() == kNone);

  const auto worker = engine.worker();
  std::vector<JobId> seen;
  while (seen.size() < limits::kBatchJobsMax) {
    const auto jobs = fetch_from(engine, worker, {longest_name('q')});
    REQUIRE(!jobs.empty());
    for (const auto& job : jobs) seen.push_back(job.id);
  }
  CHECK(seen == jobs_of(command.batch, 0, limits::kBatchJobsMax));
  engine.advance(limits::kGrantStoredWithin);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a fetch may name as many queues and types as it may", "[core][limits]") {
  EngineFixture engine;
  const Enqueue command = lane_for_each(engine);
  REQUIRE(code_of(engine.ask(command)) == Errc::ok);
  std::vector<std::string> queues;
  for (std::size_t i = 1; i < limits::kFetchQueuesMax; ++i) queues.push_back(longest_name('e', i));
  queues.push_back(longest_name('q'));
  std::vector<std::string> types;
  for (std::size_t i = 0; i < limits::kFetchTypesMax; ++i) types.push_back(longest_name('t', i));
  const auto worker = engine.worker();
  CHECK(fetch_from(engine, worker, queues, types).size() == limits::kBatchJobsMax);
}

TEST_CASE("a job may fail as often as it may, each time with the largest failure",
          "[core][limits]") {
  EngineFixture engine;
  const JobId job = engine.enqueue(
      {.options = {.max_attempts = limits::kAttemptsMax, .backoff = 1ms, .backoff_max = 1ms}});
  const auto worker = engine.worker();
  for (std::uint32_t attempt = 1; attempt <= limits::kAttemptsMax; ++attempt) {
    const auto leased = engine.fetch(worker);
    REQUIRE(leased.size() == 1);
    REQUIRE(leased[0].attempt == attempt);
    Outcome outcome = EngineFixture::outcome_of(leased[0], Outcome::Kind::fail);
    outcome.failure = {std::string(limits::kErrorClassBytesMax, 'c'),
                       std::string(limits::kErrorMessageBytesMax, 'm'),
                       fmt::format("{}{}", attempt, bytes(limits::kErrorDetailBytesMax - 4)),
                       Failure::Cause::handler};
    REQUIRE(engine.report(worker, std::move(outcome)) == Errc::ok);
    engine.advance(2ms);
  }
  const JobView view = engine.view(job);
  CHECK(view.state == JobState::failed);
  CHECK(view.attempt == limits::kAttemptsMax);
  REQUIRE(view.attempts.size() == limits::kAttemptsKept);
  CHECK(view.attempts.front().number == limits::kAttemptsMax - limits::kAttemptsKept + 1);
  for (const AttemptView& attempt : view.attempts)
    CHECK(attempt.failure->message.size() == limits::kErrorMessageBytesMax);
  CHECK(view.attempts.front().failure->detail.empty());  // Whole is only the last one's.
  CHECK((view.failure->detail ==
         fmt::format("{}{}", limits::kAttemptsMax, bytes(limits::kErrorDetailBytesMax - 4))));
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("thousands of singles are taken in one turn, and each is given out once",
          "[core][limits]") {
  static constexpr std::size_t kSingles = 5000;
  EngineFixture engine;
  std::vector<JobId> all;
  std::vector<Ticket> tickets;
  for (std::size_t i = 0; i < kSingles; ++i) {
    all.push_back(engine.fresh_id());
    tickets.push_back(engine.ticket());
    engine.send(EngineFixture::enqueue_of(tickets.back(), all.back(), {}));
  }
  const std::size_t commits = engine.commits();
  engine.settle();
  CHECK(engine.commits() == commits + 1);
  for (const Ticket& ticket : tickets) {
    const auto reply = engine.reply_to(ticket);
    REQUIRE(reply);
    CHECK(std::holds_alternative<Accepted>(reply->body));
  }
  const auto worker = engine.worker();
  std::vector<JobId> seen;
  Report report{engine.ticket(worker.connection), worker.session, {}};
  while (seen.size() < kSingles) {
    const auto jobs = engine.fetch(worker, limits::kFetchCreditsMax);
    REQUIRE(jobs.size() == limits::kFetchCreditsMax);
    for (const auto& job : jobs) {
      seen.push_back(job.id);
      report.outcomes.push_back(EngineFixture::outcome_of(job, Outcome::Kind::complete));
    }
    CHECK(std::get<Reported>(engine.ask(report).body).refused.empty());
    report = {engine.ticket(worker.connection), worker.session, {}};
  }
  CHECK(seen == all);
  CHECK(engine.counts().completed == kSingles);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a report may bring as many bytes of results as it may", "[core][limits]") {
  EngineFixture engine;
  constexpr std::size_t kJobs = limits::kReportKeptBytesMax / limits::kResultBytesMax;
  const BatchId batch = engine.enqueue({.jobs = kJobs});
  const auto worker = engine.worker();
  const auto leased = engine.fetch(worker, kJobs);
  const std::string result = bytes(limits::kResultBytesMax);
  Outcome outcome = EngineFixture::outcome_of(leased.at(0), Outcome::Kind::complete, result);
  outcome.jobs = IndexSet::range(0, kJobs);
  CHECK(engine.report(worker, std::move(outcome)) == Errc::ok);
  for (const JobId& job : jobs_of(batch, 0, kJobs))
    CHECK((engine.view(job).result.view() == result));
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("questions and cancellations may name as many jobs as they may", "[core][limits]") {
  EngineFixture engine;
  std::vector<JobId> ids;
  for (std::size_t i = 0; i < limits::kIdsMax; ++i) ids.push_back(engine.enqueue({.jobs = 2}));
  const Reply views = engine.ask(GetJobs{engine.ticket(), ids});
  for (const JobView& view : std::get<JobViews>(views.body).jobs)
    CHECK(view.state == JobState::pending);
  for (const CancelVerdict& verdict : engine.cancel(ids))
    CHECK(verdict.state == JobState::cancelled);
  CHECK(engine.list(JobState::cancelled, "q", limits::kListMax).size() == limits::kIdsMax);
  CHECK(engine.counts().pending == limits::kIdsMax);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a worker may come back with as many held jobs as it may list", "[core][limits]") {
  EngineFixture engine;
  std::vector<EngineFixture::Leased> held;
  const auto worker = engine.worker();
  while (held.size() < limits::kHeldMax) {
    engine.enqueue({.jobs = 512});
    const auto more = engine.fetch(worker, 512);
    held.insert(held.end(), more.begin(), more.end());
  }
  REQUIRE(held.size() == limits::kHeldMax);
  engine.advance(limits::kGrantStoredWithin);
  engine.restart();
  const auto back = engine.back(worker, held);
  CHECK(back.session == worker.session);
  CHECK(engine.engine().totals().processing == limits::kHeldMax);
  CHECK(engine.complete(back, held.back()) == Errc::ok);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("the longest delay, the latest run-at and the longest retention are kept",
          "[core][limits]") {
  EngineFixture engine;
  const Now begun = engine.now();
  const JobId delayed = engine.enqueue({.due = {Due::Kind::delay, limits::kDelayMax, {}}});
  const JobId latest =
      engine.enqueue({.due = {Due::Kind::run_at, {}, wall_from_ms(limits::kRunAtMaxMs)}});
  const JobId kept = engine.enqueue({.options = {.retention = limits::kRetentionMax}});
  const auto worker = engine.worker();
  engine.complete(worker, engine.fetch(worker).at(0));
  CHECK(engine.view(delayed).due_at_ms == to_ms(begun.at + limits::kDelayMax));
  CHECK(engine.view(latest).due_at_ms == limits::kRunAtMaxMs);
  CHECK(engine.view(kept).kept_until == begun.at + limits::kRetentionMax);
  engine.restart();
  engine.advance(limits::kDelayMax - 1ms);
  CHECK(engine.state_of(delayed) == JobState::scheduled);
  CHECK(engine.state_of(kept) == JobState::completed);
  engine.advance(1ms);
  CHECK(engine.state_of(delayed) == JobState::pending);
  CHECK(engine.view(kept).code == Errc::not_found);
  CHECK(engine.state_of(latest) == JobState::scheduled);
  CHECK(engine.disagreements() == kNone);
}

TEST_CASE("a whole batch may fail with the largest details, and each job be retried",
          "[core][limits]") {
  EngineFixture engine;
  engine.enqueue({.jobs = limits::kBatchJobsMax});
  const auto worker = engine.worker();
  constexpr std::size_t kAtOnce = limits::kReportKeptBytesMax / limits::kErrorDetailBytesMax;
  for (std::size_t from = 0; from < limits::kBatchJobsMax; from += kAtOnce) {
    const std::size_t to = std::min(limits::kBatchJobsMax, from + kAtOnce);
    Outcome outcome =
        EngineFixture::outcome_of(engine.fetch(worker, to - from).at(0), Outcome::Kind::fail);
    outcome.jobs = IndexSet::range(from, to);
    outcome.failure.detail = bytes(limits::kErrorDetailBytesMax);
    REQUIRE(engine.report(worker, std::move(outcome)) == Errc::ok);
  }
  CHECK(engine.counts().retrying == limits::kBatchJobsMax);
  engine.restart();  // So that they are all read at once.
  engine.advance(2s);
  CHECK(engine.counts().pending == limits::kBatchJobsMax);
}
