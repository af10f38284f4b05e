// The engine tells how much the open commit will hold, with what it has only in memory so far: the
// runtime closes a commit by that, before it is more than the store takes.

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

namespace {

// Commands of one commit: what the engine said of it before it was closed, and what it came to.
struct Sizes {
  std::size_t told = 0;
  std::size_t real = 0;
};

template <class Commands>
Sizes sizes_of(EngineFixture& engine, Commands&& commands) {
  for (auto& command : commands) engine.send(std::move(command));
  Sizes sizes;
  sizes.told = engine.engine().open_bytes();
  engine.hold_commits();
  engine.settle();
  REQUIRE(engine.commit_under_way() != nullptr);
  sizes.real = engine.commit_under_way()->bytes();
  engine.let_go();
  return sizes;
}

// Close enough to close a commit by.
void check(const Sizes& sizes) {
  CHECK(sizes.told > sizes.real * 2 / 3);
  CHECK(sizes.told < sizes.real * 3 / 2);
}

// A worker with a name as long as it may be.
EngineFixture::Worker long_named(EngineFixture& engine) {
  OpenSession open;
  open.ticket = engine.ticket(77);
  open.worker_id = std::string(limits::kNameBytesMax, 'w');
  open.host = std::string(limits::kHostBytesMax, 'h');
  open.fresh = {7, 7};
  engine.ask(std::move(open));
  return {77, {7, 7}};
}

}  // namespace

TEST_CASE("outcomes count in the open commit", "[core][open_bytes]") {
  EngineFixture engine;
  for (int i = 0; i < 10; ++i) engine.enqueue({.jobs = 100});
  const auto worker = long_named(engine);
  std::vector<Report> reports;
  const std::string result(GENERATE(std::size_t{0}, limits::kInlineResultBytes), 'r');
  for (int i = 0; i < 10; ++i) {
    reports.push_back({engine.ticket(worker.connection), worker.session, {}});
    for (const auto& job : engine.fetch(worker, 100)) {
      reports.back().outcomes.push_back(
          EngineFixture::outcome_of(job, Outcome::Kind::complete, result));
    }
  }
  check(sizes_of(engine, reports));
}

TEST_CASE("outcomes of many small batches count in the open commit", "[core][open_bytes]") {
  EngineFixture engine;
  for (int i = 0; i < 1000; ++i) engine.enqueue();
  const auto worker = engine.worker();
  std::vector<Report> reports{{engine.ticket(worker.connection), worker.session, {}}};
  for (const auto& job : engine.fetch(worker, 1000))
    reports[0].outcomes.push_back(EngineFixture::outcome_of(job, Outcome::Kind::complete));
  check(sizes_of(engine, reports));
}

TEST_CASE("leases that are stored again count in the open commit", "[core][open_bytes]") {
  EngineFixture engine;
  for (int i = 0; i < 1000; ++i) engine.enqueue();
  const auto worker = engine.worker();
  std::vector<Report> reports{{engine.ticket(worker.connection), worker.session, {}}};
  for (int i = 0; i < 10; ++i) {
    const auto jobs = engine.fetch(worker, 100);
    reports[0].outcomes.push_back(EngineFixture::outcome_of(jobs.at(0), Outcome::Kind::complete));
  }
  engine.advance(limits::kGrantStoredWithin);
  check(sizes_of(engine, reports));
}

TEST_CASE("lanes and their ready entries count in the open commit", "[core][open_bytes]") {
  EngineFixture engine;
  std::vector<Enqueue> enqueues;
  for (int i = 0; i < 1000; ++i) {
    enqueues.push_back(EngineFixture::enqueue_of(engine.ticket(), engine.fresh_id(),
                                                 {.key = fmt::format("{:0128}", i)}));
  }
  check(sizes_of(engine, enqueues));
}

TEST_CASE("nothing is open once all is written", "[core][open_bytes]") {
  EngineFixture engine;
  engine.enqueue({.jobs = 100});
  const auto worker = engine.worker();
  for (const auto& job : engine.fetch(worker, 100)) engine.complete(worker, job);
  CHECK(engine.engine().open_bytes() == 0);
}

TEST_CASE("commits are kept as long as an older read is under way", "[core][open_bytes]") {
  EngineFixture engine;
  engine.hold_reads(EngineFixture::Rows::as_asked);
  engine.post(GetJobs{engine.ticket(), {engine.fresh_id().job(0)}});
  CHECK(engine.engine().kept_bytes() == 0);
  engine.enqueue({.jobs = 100, .payload = std::string(1000, 'p')});
  CHECK(engine.engine().kept_bytes() > 100'000);
  engine.let_go();
  CHECK(engine.engine().kept_bytes() == 0);
}
