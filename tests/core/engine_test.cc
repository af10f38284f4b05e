#include <set>

#include <catch2/catch.hpp>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

TEST_CASE("a job is enqueued, fetched, completed, and keeps its result", "[core][engine]") {
  EngineFixture engine;
  const JobId job = engine.enqueue();
  CHECK(engine.state_of(job) == JobState::pending);

  const auto worker = engine.worker();
  const auto jobs = engine.fetch(worker);
  REQUIRE(jobs.size() == 1);
  CHECK(jobs[0].id == job);
  CHECK(jobs[0].payload == "payload0");
  CHECK(engine.state_of(job) == JobState::processing);
  CHECK(engine.complete(worker, jobs[0], "done") == Errc::ok);

  const JobView view = engine.view(job);
  CHECK(view.state == JobState::completed);
  CHECK(view.attempt == 1);
  CHECK(view.result.view() == "done");
  CHECK(engine.counts().completed == 1);
  CHECK(engine.engine().totals().window_bytes == 0);
}

TEST_CASE("a batch is delivered in order and in pieces", "[core][engine]") {
  EngineFixture engine;
  const BatchId batch = engine.enqueue({.jobs = 1000, .payload = std::string(300, 'x')});
  const auto worker = engine.worker();
  std::size_t next = 0;
  while (next < 1000) {
    const auto jobs = engine.fetch(worker, 37);
    REQUIRE(!jobs.empty());
    for (const auto& job : jobs) {
      CHECK(job.id == batch.job(static_cast<JobIndex>(next)));
      CHECK(job.payload == std::string(300, 'x') + std::to_string(next));
      ++next;
      CHECK(engine.complete(worker, job) == Errc::ok);
    }
  }
  CHECK(engine.counts().completed == 1000);
  CHECK(engine.list(JobState::completed).size() == 1000);
  CHECK(engine.engine().totals().window_bytes == 0);
}

TEST_CASE("a completed job never runs again, and a stale report changes nothing", "[core][lease]") {
  EngineFixture engine;
  const JobId job = engine.enqueue();
  const auto worker = engine.worker();
  const auto jobs = engine.fetch(worker);
  engine.complete(worker, jobs[0]);
  CHECK(engine.complete(worker, jobs[0]) == Errc::lease_lost);
  CHECK(engine.fail(worker, jobs[0]) == Errc::lease_lost);
  CHECK(engine.fetch(worker).empty());
  CHECK(engine.state_of(job) == JobState::completed);
}

TEST_CASE("a failed job waits for its backoff, then runs with the next attempt", "[core][retry]") {
  EngineFixture engine;
  const JobId job = engine.enqueue();
  const auto worker = engine.worker();
  engine.fail(worker, engine.fetch(worker)[0]);
  CHECK(engine.state_of(job) == JobState::retrying);
  CHECK(engine.list(JobState::retrying).size() == 1);
  engine.advance(999ms);
  CHECK(engine.fetch(worker).empty());
  engine.advance(201ms);
  const auto again = engine.fetch(worker);
  REQUIRE(again.size() == 1);
  CHECK(again[0].attempt == 2);
  CHECK(engine.complete(worker, again[0]) == Errc::ok);
  const JobView view = engine.view(job);
  CHECK(view.state == JobState::completed);
  REQUIRE(view.attempts.size() == 2);
  CHECK(view.attempts[0].failure->message == "it went wrong");
  CHECK(engine.list(JobState::retrying).empty());
}

TEST_CASE("a job out of attempts becomes a dead letter", "[core][retry]") {
  EngineFixture engine;
  const JobId job = engine.enqueue({.options = {.max_attempts = 2}});
  const auto worker = engine.worker();
  engine.fail(worker, engine.fetch(worker)[0]);
  engine.advance(2s);
  engine.fail(worker, engine.fetch(worker)[0]);
  CHECK(engine.state_of(job) == JobState::failed);
  CHECK(engine.counts().failed == 1);
  CHECK(engine.list(JobState::failed).size() == 1);
}

TEST_CASE("a delayed job is never early and comes to the millisecond", "[core][agenda]") {
  EngineFixture engine;
  const JobId job = engine.enqueue({.due = {Due::Kind::delay, 5000ms, {}}});
  const auto worker = engine.worker();
  CHECK(engine.state_of(job) == JobState::scheduled);
  engine.advance(4999ms);
  CHECK(engine.fetch(worker).empty());
  CHECK(*engine.engine().next_deadline(engine.now()) == engine.now().at + 1ms);
  engine.advance(1ms);
  CHECK(engine.state_of(job) == JobState::pending);
  CHECK(engine.fetch(worker).size() == 1);
}

TEST_CASE("a parked fetch is woken by the job", "[core][fetch]") {
  EngineFixture engine;
  const auto worker = engine.worker();
  const Ticket ticket = engine.park(worker, 10, 30s);
  CHECK(!engine.reply_to(ticket));
  engine.enqueue({.jobs = 3});
  const auto reply = engine.reply_to(ticket);
  REQUIRE(reply);
  CHECK(EngineFixture::leased_of(*reply).size() == 3);
  const Ticket empty = engine.park(worker, 10, 1s);
  engine.advance(1s);
  CHECK(EngineFixture::leased_of(*engine.reply_to(empty)).empty());
}

TEST_CASE("a worker can end its parked fetches, and nothing is leased to them any more",
          "[core][fetch]") {
  EngineFixture engine;
  const auto worker = engine.worker();
  const auto other = engine.worker();
  const Ticket ended = engine.park(worker, 10, 30s);
  const Ticket stays = engine.park(other, 10, 30s);

  const Reply reply = engine.ask(EndFetch{engine.ticket(worker.connection)});

  CHECK(std::holds_alternative<FetchEnded>(reply.body));
  CHECK(EngineFixture::leased_of(engine.reply_to(ended).value()).empty());
  CHECK_FALSE(engine.reply_to(stays));
  engine.enqueue({.jobs = 3});
  CHECK(EngineFixture::leased_of(engine.reply_to(stays).value()).size() == 3);
}

TEST_CASE("a cut worker's jobs run elsewhere after the grace, uncounted", "[core][lease]") {
  EngineFixture engine;
  const JobId job = engine.enqueue();
  const auto first = engine.worker();
  const auto lost = engine.fetch(first);
  engine.cut(first);
  const auto second = engine.worker();
  engine.advance(2999ms);
  CHECK(engine.fetch(second).empty());
  engine.advance(1ms);
  const auto jobs = engine.fetch(second);
  REQUIRE(jobs.size() == 1);
  CHECK(jobs[0].id == job);
  CHECK(jobs[0].attempt == 1);
  CHECK(jobs[0].token > lost[0].token);
  CHECK(engine.complete(second, lost[0]) == Errc::lease_lost);
  CHECK(engine.complete(second, jobs[0]) == Errc::ok);
  CHECK(engine.view(job).attempts.size() == 2);
}

TEST_CASE("a session that comes back keeps what it lists and loses nothing else", "[core][lease]") {
  EngineFixture engine;
  const BatchId batch = engine.enqueue({.jobs = 2});
  const auto worker = engine.worker();
  const auto jobs = engine.fetch(worker, 2);
  engine.cut(worker);
  const auto back = engine.back(worker, {jobs[0]});
  CHECK(back.session == worker.session);
  engine.advance(10s);
  CHECK(engine.complete(back, jobs[0]) == Errc::ok);
  CHECK(engine.complete(back, jobs[1]) == Errc::lease_lost);
  const auto again = engine.fetch(back, 2);
  REQUIRE(again.size() == 1);
  CHECK(again[0].id == batch.job(1));
}

TEST_CASE("a long job goes on over a restart of the broker", "[core][restart]") {
  EngineFixture engine;
  const JobId job = engine.enqueue();
  const auto worker = engine.worker();
  const auto jobs = engine.fetch(worker);
  engine.advance(1s);  // The grant is stored by now.
  engine.restart();
  CHECK(engine.state_of(job) == JobState::processing);
  const auto other = engine.worker();
  CHECK(engine.fetch(other).empty());
  const auto back = engine.back(worker, jobs);
  CHECK(back.session == worker.session);
  CHECK(engine.complete(back, jobs[0]) == Errc::ok);
  CHECK(engine.state_of(job) == JobState::completed);
  CHECK(engine.fetch(other).empty());
}

TEST_CASE("a report counts after a restart although its grant was never stored",
          "[core][restart]") {
  EngineFixture engine;
  const JobId job = engine.enqueue();
  const auto worker = engine.worker();
  const auto jobs = engine.fetch(worker);
  engine.restart();
  CHECK(engine.state_of(job) == JobState::pending);
  const auto back = engine.back(worker, jobs);
  CHECK(engine.complete(back, jobs[0]) == Errc::ok);
  CHECK(engine.state_of(job) == JobState::completed);
  CHECK(engine.fetch(back).empty());
}

TEST_CASE("the same batch sent again makes no second jobs", "[core][enqueue]") {
  EngineFixture engine;
  const BatchId batch = engine.fresh_id();
  CHECK(std::get<Accepted>(engine.enqueue_as(batch, {}).body).duplicate == false);
  CHECK(std::get<Accepted>(engine.enqueue_as(batch, {}).body).duplicate == true);
  CHECK(std::get<Refused>(engine.enqueue_as(batch, {.hash = 2}).body).code == Errc::id_conflict);
  engine.restart();
  CHECK(std::get<Accepted>(engine.enqueue_as(batch, {}).body).duplicate == true);
  CHECK(engine.counts().pending == 1);
}

TEST_CASE("a backlog beyond the window is paged in, in order", "[core][window]") {
  EngineFixture engine(Settings{.window_bytes = 20'000});
  std::vector<JobId> all;
  for (int i = 0; i < 500; ++i) {
    const BatchId batch = engine.enqueue({.jobs = 3, .payload = std::string(200, 'p')});
    for (JobIndex index = 0; index < 3; ++index) all.push_back(batch.job(index));
  }
  CHECK(engine.engine().totals().window_bytes <= 40'000);
  const auto worker = engine.worker();
  std::vector<JobId> seen;
  for (;;) {
    const Ticket ticket = engine.park(worker, 50, 10s);
    const auto reply = engine.reply_to(ticket);
    if (!reply) break;
    for (const auto& job : EngineFixture::leased_of(*reply)) {
      seen.push_back(job.id);
      engine.complete(worker, job);
    }
  }
  CHECK(seen == all);
  CHECK(engine.counts().completed == 1500);
}

TEST_CASE("a restart in the middle of a backlog loses and doubles nothing", "[core][restart]") {
  EngineFixture engine(Settings{.window_bytes = 20'000});
  std::set<JobId> all;
  for (int i = 0; i < 200; ++i) {
    const BatchId batch = engine.enqueue({.jobs = 5, .payload = std::string(100, 'p')});
    for (JobIndex index = 0; index < 5; ++index) all.insert(batch.job(index));
  }
  std::set<JobId> seen;
  for (int round = 0; round < 20; ++round) {
    const auto worker = engine.worker();
    for (int i = 0; i < 10; ++i) {
      for (const auto& job : engine.fetch(worker, 7)) {
        CHECK(seen.insert(job.id).second);
        CHECK(engine.complete(worker, job) == Errc::ok);
      }
    }
    engine.restart();
  }
  CHECK(seen == all);
}
