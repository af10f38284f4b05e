// What happens to a lane's jobs while its page is on the way. A page has two halves: the ready
// entries, then the batches that they name.

#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

namespace {

const std::vector<std::string> kNone;

// A lane of six jobs in two batches, none of it in memory, a fetch of which has asked for a page.
// Half of the page has come when `half` is 1.
class PageUnderWay {
 public:
  explicit PageUnderWay(std::size_t half, EngineFixture::Rows rows) {
    for (int i = 0; i < 2; ++i) {
      const BatchId batch = engine.enqueue({.jobs = 3});
      for (const JobId& job : jobs_of(batch, 0, 3)) all.push_back(job);
    }
    engine.restart();
    engine.advance(1ms);  // Ids made from now on are known to be new, and need no read.
    worker = engine.worker();
    engine.hold_reads(rows);
    asked = engine.park(worker, 100, 30s);
    if (half == 1) engine.answer_reads();
    REQUIRE(engine.reads_under_way().size() == 1);
    REQUIRE(page().table == (half == 1 ? Table::batches : Table::ready));
  }

  Range page() const { return engine.reads_under_way().at(0).ranges.at(0); }

  // What the fetch, and those that follow it, get once everything has come.
  std::vector<JobId> get_all() {
    engine.let_go();
    std::vector<JobId> seen;
    auto reply = engine.reply_to(asked);
    while (reply) {
      for (const auto& job : EngineFixture::leased_of(*reply)) {
        seen.push_back(job.id);
        CHECK(engine.complete(worker, job) == Errc::ok);
      }
      reply = engine.reply_to(engine.park(worker, 100, 30s));
    }
    CHECK(engine.counts().pending == 0);
    CHECK(engine.disagreements() == kNone);
    return seen;
  }

  EngineFixture engine;
  std::vector<JobId> all;
  EngineFixture::Worker worker;
  Ticket asked;
};

PageUnderWay some_page() {
  const std::size_t half = GENERATE(0, 1);
  const auto rows = GENERATE(EngineFixture::Rows::as_asked, EngineFixture::Rows::as_answered);
  return PageUnderWay(half, rows);
}

}  // namespace

TEST_CASE("a fetch waits for its page, and gets all of it", "[core][page]") {
  PageUnderWay lane = some_page();
  CHECK_FALSE(lane.engine.reply_to(lane.asked));
  CHECK(lane.get_all() == lane.all);
}

TEST_CASE("a job that is cancelled while its page is under way is not given out", "[core][page]") {
  PageUnderWay lane = some_page();
  const std::size_t index = GENERATE(0, 2, 4);
  const JobId job = lane.all[index];
  const Ticket cancelled = lane.engine.post(CancelJobs{lane.engine.ticket(), {job}});
  lane.all.erase(lane.all.begin() + static_cast<std::ptrdiff_t>(index));
  CHECK(lane.get_all() == lane.all);
  const auto reply = lane.engine.reply_to(cancelled);
  REQUIRE(reply);
  CHECK(std::get<CancelVerdicts>(reply->body).jobs.at(0).state == JobState::cancelled);
  CHECK(lane.engine.state_of(job) == JobState::cancelled);
}

TEST_CASE("a batch that is cancelled whole while its page is under way is not given out",
          "[core][page]") {
  PageUnderWay lane = some_page();
  lane.engine.post(CancelJobs{lane.engine.ticket(), jobs_of(lane.all[0], 0, 3)});
  lane.all.erase(lane.all.begin(), lane.all.begin() + 3);
  CHECK(lane.get_all() == lane.all);
}

TEST_CASE("a batch that is enqueued while a page is under way comes behind it", "[core][page]") {
  PageUnderWay lane = some_page();
  const BatchId later = lane.engine.fresh_id();
  const Ticket accepted =
      lane.engine.post(EngineFixture::enqueue_of(lane.engine.ticket(), later, {.jobs = 3}));
  CHECK(lane.engine.reply_to(accepted));
  for (const JobId& job : jobs_of(later, 0, 3)) lane.all.push_back(job);
  CHECK(lane.get_all() == lane.all);
}

TEST_CASE("a delayed job whose time comes while a page is under way is not lost", "[core][page]") {
  PageUnderWay lane = some_page();
  const BatchId later = lane.engine.fresh_id();
  lane.engine.post(
      EngineFixture::enqueue_of(lane.engine.ticket(), later, {.due = {Due::Kind::delay, 5s, {}}}));
  lane.engine.advance(5s);
  lane.all.push_back(later);
  CHECK(lane.get_all() == lane.all);
}

namespace {

// A lane whose page holds two leased jobs of a batch of four; the lease outlived a restart.
struct LeasedPage {
  explicit LeasedPage(EngineFixture::Rows rows) {
    batch = engine.enqueue({.jobs = 4});
    holder = engine.worker();
    leased = engine.fetch(holder, 2);
    engine.advance(limits::kGrantStoredWithin);
    engine.restart();
    holder = engine.back(holder, leased);
    other = engine.worker();
    engine.hold_reads(rows);
    asked = engine.park(other, 100, 60s);
  }

  // What comes within some seconds, however many fetches it takes.
  std::vector<JobId> get_all() {
    engine.let_go();
    std::vector<JobId> seen;
    for (int seconds = 0; seconds < 5; ++seconds) {
      while (const auto reply = engine.reply_to(asked)) {
        for (const auto& job : EngineFixture::leased_of(*reply)) {
          seen.push_back(job.id);
          CHECK(engine.complete(other, job) == Errc::ok);
        }
        asked = engine.park(other, 100, 60s);
      }
      engine.advance(1s);
    }
    std::sort(seen.begin(), seen.end());
    CHECK(engine.disagreements() == kNone);
    return seen;
  }

  EngineFixture engine;
  BatchId batch;
  EngineFixture::Worker holder;
  EngineFixture::Worker other;
  std::vector<EngineFixture::Leased> leased;
  Ticket asked;
};

}  // namespace

TEST_CASE("a leased job is not given out again by its page", "[core][page]") {
  LeasedPage lane(GENERATE(EngineFixture::Rows::as_asked, EngineFixture::Rows::as_answered));
  CHECK(lane.get_all() == jobs_of(lane.batch, 2, 4));
  CHECK(lane.engine.complete(lane.holder, lane.leased[0]) == Errc::ok);
  CHECK(lane.engine.complete(lane.holder, lane.leased[1]) == Errc::ok);
}

TEST_CASE("a job whose lease ends while its page is under way is given out once", "[core][page]") {
  LeasedPage lane(GENERATE(EngineFixture::Rows::as_asked, EngineFixture::Rows::as_answered));
  if (GENERATE(false, true)) lane.engine.answer_reads();
  const auto report_of = [&](Outcome::Kind kind) {
    Report report{lane.engine.ticket(lane.holder.connection), lane.holder.session, {}};
    for (const auto& job : lane.leased)
      report.outcomes.push_back(EngineFixture::outcome_of(job, kind));
    return report;
  };
  std::vector<JobId> expected = jobs_of(lane.batch, 0, 4);
  SECTION("by a release") {
    lane.engine.post(report_of(Outcome::Kind::release));
  }
  SECTION("by silence") {
    lane.engine.advance(20s);
    lane.engine.post(Heartbeat{lane.engine.ticket(lane.other.connection), lane.other.session});
    lane.engine.advance(10s);
  }
  SECTION("by a cut") {
    lane.engine.cut(lane.holder);
    lane.engine.advance(limits::kCutGrace);
  }
  SECTION("by a completion") {
    lane.engine.post(report_of(Outcome::Kind::complete));
    expected = jobs_of(lane.batch, 2, 4);
  }
  SECTION("by a failure, to come after its backoff") {
    lane.engine.post(report_of(Outcome::Kind::fail));
  }
  CHECK(lane.get_all() == expected);
}

TEST_CASE("a report that waits for its batch is answered, and is not overtaken", "[core][page]") {
  LeasedPage lane(GENERATE(EngineFixture::Rows::as_asked, EngineFixture::Rows::as_answered));
  const auto report = [&](Outcome::Kind kind) {
    return lane.engine.post(Report{lane.engine.ticket(lane.holder.connection),
                                   lane.holder.session,
                                   {EngineFixture::outcome_of(lane.leased[0], kind)}});
  };
  const Ticket first = report(Outcome::Kind::complete);
  const Ticket second = report(Outcome::Kind::fail);
  const Ticket cancelled = lane.engine.post(CancelJobs{lane.engine.ticket(), {lane.leased[0].id}});
  CHECK_FALSE(lane.engine.reply_to(first));
  lane.engine.let_go();
  const auto refused_of = [&](const Ticket& ticket) {
    return std::get<Reported>(lane.engine.reply_to(ticket).value().body).refused.size();
  };
  CHECK(refused_of(first) == 0);
  CHECK(refused_of(second) == 1);
  const Reply verdict = lane.engine.reply_to(cancelled).value();
  CHECK(std::get<CancelVerdicts>(verdict.body).jobs.at(0).state == JobState::completed);
  CHECK(lane.engine.state_of(lane.leased[0].id) == JobState::completed);
}

TEST_CASE("jobs of a commit that is being written leave when it is durable", "[core][page]") {
  EngineFixture engine;
  const auto worker = engine.worker();
  engine.hold_commits();
  const Ticket accepted =
      engine.post(EngineFixture::enqueue_of(engine.ticket(), engine.fresh_id(), {}));
  const Ticket fetched = engine.park(worker, 1, 30s);
  CHECK_FALSE(engine.reply_to(accepted));
  CHECK_FALSE(engine.reply_to(fetched));
  engine.write_commit();
  CHECK(engine.reply_to(accepted));
  CHECK(engine.reply_to(fetched));
}

TEST_CASE("what is durable is answered while a commit is being written", "[core][page]") {
  EngineFixture engine;
  const JobId job = engine.enqueue();
  const auto worker = engine.worker();
  engine.hold_commits();
  engine.post(EngineFixture::enqueue_of(engine.ticket(), engine.fresh_id(), {.queue = "other"}));
  REQUIRE(engine.commit_under_way() != nullptr);
  const auto leased = engine.fetch(worker);
  REQUIRE(leased.size() == 1);
  CHECK(leased[0].id == job);
  CHECK(engine.heartbeat(worker));
}
