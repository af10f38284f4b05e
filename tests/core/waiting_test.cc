// Commands that wait for a slow store, or for the engine's first reads.

#include <catch2/catch.hpp>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

namespace {

constexpr std::size_t kMiB = 1 << 20;

Enqueue large(EngineFixture& engine) {
  Enqueue command;
  command.ticket = engine.ticket();
  command.batch = engine.fresh_id();
  command.ns = "default";
  command.queue = "q";
  command.job_count = 100;
  std::string records;
  for (int i = 0; i < 100; ++i) records += job_record(std::string(30'000, 'x'));
  command.jobs = Blob::copy_of(records);
  command.groups.push_back({"t", 5, {}, {}, {}, IndexSet::range(0, 100)});
  return command;
}

}  // namespace

TEST_CASE("enqueues that wait for the store hold a bounded number of bytes", "[core][waiting]") {
  EngineFixture engine;
  engine.enqueue();
  engine.restart();  // Ids of this millisecond have to be looked up now.
  std::vector<Ticket> tickets;
  for (int i = 0; i < 30; ++i) {
    Enqueue command = large(engine);
    tickets.push_back(command.ticket);
    engine.send(std::move(command));
  }
  engine.settle();
  std::size_t accepted = 0;
  for (const Ticket& ticket : tickets) {
    const auto reply = engine.reply_to(ticket);
    REQUIRE(reply);
    if (code_of(*reply) == Errc::ok) {
      ++accepted;
    } else {
      CHECK(code_of(*reply) == Errc::overloaded);
    }
  }
  CHECK(accepted == 64 * kMiB / large(engine).jobs.size());
  CHECK(code_of(engine.ask(large(engine))) == Errc::ok);  // The store has caught up.
}

TEST_CASE("a slow store takes no lease away", "[core][waiting]") {
  EngineFixture engine;
  engine.enqueue({.jobs = 3});
  const auto worker = engine.worker();
  const auto jobs = engine.fetch(worker, 3);
  for (std::size_t i = 0; i < limits::kReadsMax; ++i)
    engine.send(GetJobs{engine.ticket(), {jobs[0].id}});

  // What needs no read is served, what does is refused.
  const Ticket beat = engine.ticket(worker.connection);
  engine.send(Heartbeat{beat, worker.session});
  const Ticket open = engine.ticket(77);
  engine.send(OpenSession{open, "w", "host", {77, 77}, {}, {}});
  const Ticket done = engine.ticket(worker.connection);
  Outcome outcome;
  outcome.token = jobs[0].token;
  outcome.batch = jobs[0].id.batch();
  outcome.jobs = IndexSet::single(jobs[0].id.index());
  engine.send(Report{done, worker.session, {outcome}});
  const Ticket asks = engine.ticket();
  engine.send(GetJobs{asks, {jobs[0].id}});
  engine.settle();
  CHECK(code_of(*engine.reply_to(beat)) == Errc::ok);
  CHECK(code_of(*engine.reply_to(open)) == Errc::ok);
  CHECK(code_of(*engine.reply_to(done)) == Errc::ok);
  CHECK(code_of(*engine.reply_to(asks)) == Errc::overloaded);
}

TEST_CASE("commands that come before the engine is ready hold a bounded number of bytes",
          "[core][waiting]") {
  EngineFixture helper;  // Makes commands.
  const auto now = helper.now();
  Engine engine({}, {1, 0, 7}, now);
  std::size_t refused = 0;
  std::vector<Read> reads;
  const auto collect = [&] {
    Changes changes = engine.take_changes(now);
    for (const Reply& reply : changes.replies)
      refused += code_of(reply) == Errc::overloaded ? 1 : 0;
    for (Read& read : changes.reads) reads.push_back(std::move(read));
  };
  for (int i = 0; i < 30; ++i) engine.execute(large(helper), now);
  for (int i = 0; i < 1000; ++i) engine.execute(Heartbeat{helper.ticket(), {1, 1}}, now);
  engine.execute(Disconnected{5}, now);
  collect();
  REQUIRE_FALSE(engine.ready());
  const std::size_t fit = 64 * kMiB / large(helper).jobs.size();
  CHECK(refused == 30 - fit);

  // Those that waited are served; none of them is refused for its own bytes.
  std::size_t answered = 0;
  while (!reads.empty()) {
    for (const Read& read : std::exchange(reads, {})) {
      ReadAnswer nothing;
      nothing.id = read.id;
      engine.execute(std::move(nothing), now);
    }
    Changes changes = engine.take_changes(now);
    for (const Reply& reply : changes.replies)
      answered += std::holds_alternative<Accepted>(reply.body) ? 1 : 0;
    for (Read& read : changes.reads) reads.push_back(std::move(read));
    if (changes.commit != nullptr) engine.committed(changes.commit->seq);
  }
  CHECK(engine.ready());
  CHECK(answered == fit);
}
