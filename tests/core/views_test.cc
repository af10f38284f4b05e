// What there is to say of jobs, and how much of it at once.

#include <algorithm>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

namespace {

std::vector<JobView> views(EngineFixture& engine, std::vector<JobId> ids,
                           GetJobs::Payloads payloads = GetJobs::Payloads::with) {
  const Reply reply = engine.ask(GetJobs{engine.ticket(), std::move(ids), payloads});
  return std::get<JobViews>(reply.body).jobs;
}

std::size_t count_of(const std::vector<JobView>& all, Errc code) {
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [&](const JobView& v) { return v.code == code; }));
}

void fail_with(EngineFixture& engine, const EngineFixture::Worker& worker,
               const EngineFixture::Leased& job, const std::string& detail) {
  Outcome outcome = EngineFixture::outcome_of(job, Outcome::Kind::fail);
  outcome.failure.detail = detail;
  engine.report(worker, outcome);
}

// A queue of dead letters whose failures have details of 16 KiB.
BatchId dead_letters(EngineFixture& engine, std::size_t count) {
  const BatchId batch = engine.enqueue({.jobs = count, .options = {.max_attempts = 1}});
  const auto worker = engine.worker();
  for (const auto& job : engine.fetch(worker, count))
    fail_with(engine, worker, job, std::string(16 << 10, 'd'));
  return batch;
}

std::string text_of(const JobView& view) {
  std::string text = fmt::format("{} {} {} {} {} {} {} {} {} {}", static_cast<int>(view.code),
                                 to_string(view.state), view.type, view.attempt, view.due_at_ms,
                                 to_ms(view.finished_at), view.result.view(), view.record.view(),
                                 view.attempts.size(), view.cancel_requested);
  return text;
}

// Jobs in every state, in batches of several parts.
std::vector<JobId> zoo(EngineFixture& engine) {
  std::vector<JobId> ids;
  const auto add = [&](const BatchSpec& spec) {
    const auto more = jobs_of(engine.enqueue(spec), 0, spec.jobs);
    ids.insert(ids.end(), more.begin(), more.end());
  };
  add({.jobs = 40, .payload = std::string(3000, 'x')});
  add({.jobs = 5, .due = {Due::Kind::delay, 1000ms, {}}});
  add({.jobs = 5, .due = {Due::Kind::delay, 3'600'000ms, {}}});
  add({.jobs = 3, .options = {.max_attempts = 1}});
  const auto worker = engine.worker();
  const auto leased = engine.fetch(worker, 12);
  for (std::size_t i = 0; i < 3; ++i) engine.complete(worker, leased[i], "result");
  for (std::size_t i = 3; i < 6; ++i) engine.fail(worker, leased[i]);
  engine.complete(worker, leased[6], std::string(3000, 'r'));
  engine.cancel(leased[7].id);
  engine.cancel(ids[20]);
  engine.advance(2000ms);
  ids.push_back(engine.fresh_id());
  return ids;
}

}  // namespace

TEST_CASE("views are the same however finely the store is read", "[core][views]") {
  Settings fine;
  fine.grain.view_bytes_read = GENERATE(std::size_t{1}, std::size_t{4000}, std::size_t{50'000});
  fine.grain.agenda_entries = 4;
  EngineFixture coarse_engine;
  EngineFixture fine_engine(fine);
  const auto ids = zoo(coarse_engine);
  REQUIRE(zoo(fine_engine) == ids);
  for (const auto payloads : {GetJobs::Payloads::with, GetJobs::Payloads::without}) {
    const auto coarse = views(coarse_engine, ids, payloads);
    const auto finely = views(fine_engine, ids, payloads);
    REQUIRE(coarse.size() == finely.size());
    for (std::size_t i = 0; i < coarse.size(); ++i) {
      INFO(i);
      CHECK(finely[i].id == ids[i]);
      CHECK(text_of(finely[i]) == text_of(coarse[i]));
    }
  }
}

TEST_CASE("a question for many large batches holds little at a time", "[core][views]") {
  EngineFixture engine;
  std::vector<JobId> ids;
  for (int i = 0; i < 12; ++i) {
    ids.push_back(engine.enqueue({.jobs = 100, .payload = std::string(30'000, 'x')}));
  }
  engine.send(GetJobs{engine.ticket(), ids, GetJobs::Payloads::with});
  std::size_t largest = 0;
  std::optional<JobViews> answer;
  while (!answer) {
    Changes changes = engine.engine().take_changes(engine.now());
    for (const Reply& reply : changes.replies) answer = std::get<JobViews>(reply.body);
    for (const Read& read : changes.reads) {
      ReadAnswer rows = engine.store().read(0, read).answer;
      std::size_t bytes = 0;
      for (const Row& row : rows.rows) bytes += row.value.size();
      largest = std::max(largest, bytes);
      engine.send(std::move(rows));
    }
  }
  CHECK(largest <= 8 << 20);
  CHECK(count_of(answer->jobs, Errc::ok) == ids.size());
}

TEST_CASE("a reply of views is filled in the order asked, and the rest can be asked for again",
          "[core][views]") {
  EngineFixture engine;
  const BatchId batch = engine.enqueue({.jobs = 130, .payload = std::string(30'000, 'x')});
  auto ids = jobs_of(batch, 0, 130);
  std::reverse(ids.begin(), ids.end());
  const auto first = views(engine, ids);
  const std::size_t fit = count_of(first, Errc::ok);
  CHECK(fit > 90);
  CHECK(fit < 110);
  CHECK(count_of(first, Errc::too_large) == 130 - fit);
  CHECK(first[fit - 1].code == Errc::ok);
  CHECK(first[fit].code == Errc::too_large);
  CHECK(first[fit].id == ids[fit]);
  ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(fit));
  CHECK(count_of(views(engine, ids), Errc::ok) == ids.size());
}

TEST_CASE("one job asked for a thousand times is counted a thousand times", "[core][views]") {
  EngineFixture engine;
  const JobId job = engine.enqueue({.payload = std::string(30'000, 'x')});
  const auto all = views(engine, std::vector<JobId>(1000, job));
  CHECK(count_of(all, Errc::ok) > 90);
  CHECK(count_of(all, Errc::ok) < 110);
  CHECK(all.back().code == Errc::too_large);
}

TEST_CASE("failures count in a reply's size", "[core][views]") {
  EngineFixture engine;
  const BatchId batch = dead_letters(engine, 200);
  const auto all = views(engine, jobs_of(batch, 0, 200), GetJobs::Payloads::without);
  std::size_t bytes = 0;
  for (const JobView& view : all) {
    if (view.code != Errc::ok) continue;
    REQUIRE(view.failure != nullptr);
    bytes += 2 * view.failure->detail.size();  // Of the job and of its last attempt.
  }
  CHECK(all.front().code == Errc::ok);
  CHECK(bytes <= limits::kViewsBytes);
  CHECK(bytes > limits::kViewsBytes / 2);
}

TEST_CASE("a list of dead letters comes in pages that fit into a frame", "[core][list]") {
  EngineFixture engine;
  const BatchId batch = dead_letters(engine, 200);
  std::vector<JobId> seen;
  std::string cursor;
  int pages = 0;
  do {
    const Reply reply =
        engine.ask(ListJobs{engine.ticket(), "default", "q", JobState::failed, {}, 1000, cursor});
    const auto& listed = std::get<Listed>(reply.body);
    std::size_t bytes = 0;
    for (const JobView& view : listed.jobs) {
      seen.push_back(view.id);
      bytes += 2 * view.failure->detail.size();
    }
    CHECK(bytes <= limits::kViewsBytes);
    cursor = listed.next_cursor;
    ++pages;
  } while (!cursor.empty() && pages < 100);
  CHECK(pages == 3);
  CHECK(seen == jobs_of(batch, 0, 200));
}

TEST_CASE("a wait does not miss an end that comes while the job is looked up", "[core][wait]") {
  EngineFixture engine;
  const JobId job = engine.enqueue({.due = {Due::Kind::delay, 1000ms, {}}});
  engine.advance(1000ms);
  const auto worker = engine.worker();
  const auto leased = engine.fetch(worker);
  REQUIRE(leased.size() == 1);

  // The answers to the wait's reads come when the job has ended.
  const Ticket ticket = engine.ticket();
  engine.send(WaitJob{ticket, job, 30s});
  std::vector<ReadAnswer> answers;
  for (const Read& read : engine.engine().take_changes(engine.now()).reads)
    engine.send(engine.store().read(0, read).answer);
  for (const Read& read : engine.engine().take_changes(engine.now()).reads)
    answers.push_back(engine.store().read(0, read).answer);
  engine.complete(worker, leased[0], "done");
  for (ReadAnswer& answer : answers) engine.send(std::move(answer));
  engine.settle();

  const auto reply = engine.reply_to(ticket);
  REQUIRE(reply);
  CHECK(std::get<Waited>(reply->body).job.state == JobState::completed);
}

TEST_CASE("waits end with their job, at their time, or with their connection", "[core][wait]") {
  EngineFixture engine;
  const BatchId batch = engine.enqueue({.jobs = 2});
  const auto wait = [&](ConnectionId connection, JobIndex index, Milliseconds at_most) {
    const Ticket ticket = engine.ticket(connection);
    engine.send(WaitJob{ticket, batch.job(index), at_most});
    engine.settle();
    return ticket;
  };
  const Ticket first = wait(1, 0, 30s);
  const Ticket second = wait(2, 0, 30s);
  const Ticket cut = wait(3, 0, 30s);
  const Ticket other = wait(1, 1, 10s);
  engine.send(Disconnected{3});
  const auto worker = engine.worker();
  engine.complete(worker, engine.fetch(worker)[0]);
  const auto answered = engine.reply_to(first);
  REQUIRE(answered);
  CHECK(std::get<Waited>(answered->body).job.state == JobState::completed);
  CHECK(engine.reply_to(second));
  CHECK_FALSE(engine.reply_to(cut));
  CHECK_FALSE(engine.reply_to(other));
  engine.advance(10s);
  const auto late = engine.reply_to(other);
  REQUIRE(late);
  CHECK(std::get<Waited>(late->body).job.state == JobState::pending);
  engine.advance(30s);
  CHECK_FALSE(engine.reply_to(cut));
}

TEST_CASE("a job tells when it was due in every state that follows", "[core][views]") {
  EngineFixture engine;
  const std::uint64_t due = to_ms(engine.now().at) + 5000;
  const JobId job = engine.enqueue({.due = {Due::Kind::delay, 5000ms, {}}});
  CHECK(engine.view(job).due_at_ms == due);
  engine.advance(5000ms);
  CHECK(engine.state_of(job) == JobState::pending);
  CHECK(engine.view(job).due_at_ms == due);
  const auto worker = engine.worker();
  const auto leased = engine.fetch(worker);
  CHECK(engine.state_of(job) == JobState::processing);
  CHECK(engine.view(job).due_at_ms == due);
  engine.fail(worker, leased[0]);
  CHECK(engine.view(job).due_at_ms > due);  // The next attempt's.
  engine.advance(2000ms);
  engine.complete(worker, engine.fetch(worker)[0]);
  CHECK(engine.state_of(job) == JobState::completed);
  CHECK(engine.view(job).due_at_ms == due);

  const JobId plain = engine.enqueue({.due = {Due::Kind::delay, 1000ms, {}}});
  engine.advance(1000ms);
  engine.complete(worker, engine.fetch(worker)[0]);
  CHECK(engine.view(plain).due_at_ms == to_ms(engine.now().at));
}

TEST_CASE("a release leaves no attempt", "[core][views]") {
  EngineFixture engine;
  const JobId job = engine.enqueue();
  const auto worker = engine.worker();
  engine.release(worker, engine.fetch(worker)[0]);
  const JobView view = engine.view(job);
  CHECK(view.state == JobState::pending);
  CHECK(view.attempt == 0);
  CHECK(view.attempts.empty());
  CHECK(engine.fetch(worker)[0].attempt == 1);
}
