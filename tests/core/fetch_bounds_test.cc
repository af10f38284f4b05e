// What one fetch, one session and all names together may come to.

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/support/engine_fixture.h"

using namespace pawl::core;
using namespace pawl::test;

namespace {

Enqueue with_defaults(EngineFixture& engine, std::size_t defaults_bytes) {
  Enqueue command;
  command.ticket = engine.ticket();
  command.batch = engine.fresh_id();
  command.ns = "default";
  command.queue = "q";
  command.hash = 1;
  command.job_count = 1;
  command.defaults = Blob::copy_of(std::string(defaults_bytes, 'd'));
  command.jobs = Blob::copy_of(job_record("payload"));
  command.groups.push_back({"t", 5, {}, {}, {}, IndexSet::single(0)});
  return command;
}

Fetch fetch_of(EngineFixture& engine, const EngineFixture::Worker& worker,
               std::vector<std::string> queues, std::vector<std::string> types,
               Milliseconds wait = 0ms) {
  return {engine.ticket(worker.connection),
          worker.session,
          "default",
          std::move(queues),
          std::move(types),
          1,
          wait};
}

}  // namespace

TEST_CASE("defaults count in a fetch's reply", "[core][fetch]") {
  EngineFixture engine;
  for (int i = 0; i < 300; ++i) engine.ask(with_defaults(engine, 10'000));
  const auto worker = engine.worker();
  std::size_t jobs = 0;
  std::size_t fetches = 0;
  while (jobs < 300 && fetches < 100) {
    const Reply reply = engine.ask(
        Fetch{engine.ticket(worker.connection), worker.session, "default", {"q"}, {}, 1000, 0ms});
    std::size_t bytes = 0;
    for (const Delivery& delivery : std::get<Granted>(reply.body).deliveries) {
      bytes += delivery.defaults.size();
      for (const Blob& record : delivery.records) bytes += record.size();
      jobs += delivery.jobs.count();
    }
    CHECK(bytes <= limits::kFetchReplyBytes + 20'000);
    ++fetches;
  }
  CHECK(jobs == 300);
  CHECK(fetches == 3);
}

TEST_CASE("a session holds a bounded number of jobs", "[core][fetch]") {
  EngineFixture engine;
  for (std::size_t i = 0; i < limits::kSessionJobsMax + 1000; i += 1000)
    engine.enqueue({.jobs = 1000, .payload = "p"});
  const auto worker = engine.worker();
  std::vector<EngineFixture::Leased> held;
  while (held.size() < limits::kSessionJobsMax) {
    const auto more = engine.fetch(worker, 1000);
    REQUIRE(!more.empty());
    held.insert(held.end(), more.begin(), more.end());
  }
  CHECK(held.size() == limits::kSessionJobsMax);
  CHECK(code_of(engine.ask(fetch_of(engine, worker, {"q"}, {}))) == Errc::overloaded);
  CHECK(engine.fetch(engine.worker(), 1).size() == 1);  // Another session may.

  const Ticket waits = engine.park(worker, 1, 30s);
  CHECK(code_of(*engine.reply_to(waits)) == Errc::overloaded);
  for (int i = 0; i < 3; ++i) engine.complete(worker, held[static_cast<std::size_t>(i)]);
  CHECK(engine.fetch(worker, 1000).size() == 3);
  CHECK(engine.engine().totals().processing == limits::kSessionJobsMax + 1);
}

TEST_CASE("a fetch stores no names, and is served when the first job comes", "[core][names]") {
  EngineFixture engine;
  const auto worker = engine.worker();
  const std::size_t commits = engine.commits();
  const Fetch fetch = fetch_of(engine, worker, {"new", "q"}, {"new.type", "t"}, 30s);
  engine.send(fetch);
  engine.settle();
  CHECK(engine.commits() == commits);
  const Reply stats = engine.ask(QueueStats{engine.ticket(), "default", {}});
  CHECK(std::get<Counted>(stats.body).queues.empty());

  const JobId job = engine.enqueue({.queue = "new", .type = "new.type"});
  const auto reply = engine.reply_to(fetch.ticket);
  REQUIRE(reply);
  CHECK(EngineFixture::leased_of(*reply).at(0).id == job);
  engine.restart();
  CHECK(engine.view(job).queue == "new");
  CHECK(engine.view(job).type == "new.type");
}

TEST_CASE("names that nobody waits for any more make room for others", "[core][names]") {
  Settings settings;
  settings.grain.names_waited_for = 4;
  EngineFixture engine(settings);
  const auto worker = engine.worker();
  const JobId job = engine.enqueue({.queue = "kept"});
  for (int i = 0; i < 50; ++i) {
    engine.advance(1000ms);
    engine.heartbeat(worker);
    const Reply reply = engine.ask(fetch_of(
        engine, worker, {fmt::format("a{}", i), fmt::format("b{}", i)}, {fmt::format("t{}", i)}));
    REQUIRE(code_of(reply) == Errc::ok);
  }
  // What is waited for stays, and then there is no room for more.
  const Fetch parked = fetch_of(engine, worker, {"p1", "p2", "p3", "p4"}, {}, 60s);
  engine.advance(1000ms);
  engine.send(parked);
  engine.settle();
  engine.advance(1000ms);
  CHECK(code_of(engine.ask(fetch_of(engine, worker, {"x"}, {}))) == Errc::overloaded);
  CHECK(engine.fetch(worker, 1, {"kept"}).at(0).id == job);
  const JobId late = engine.enqueue({.queue = "p3"});
  const auto reply = engine.reply_to(parked.ticket);
  REQUIRE(reply);
  CHECK(EngineFixture::leased_of(*reply).at(0).id == late);
}

TEST_CASE("beyond the bound of queues and types new ones are overloaded", "[core][names]") {
  Settings settings;
  settings.queues_max = 3;
  settings.types_max = 2;
  EngineFixture engine(settings);
  const auto enqueue = [&](const std::string& queue, const std::string& type) {
    return code_of(engine.enqueue_as(engine.fresh_id(), {.queue = queue, .type = type}));
  };
  CHECK(enqueue("a", "s") == Errc::ok);
  CHECK(enqueue("b", "t") == Errc::ok);
  CHECK(enqueue("c", "u") == Errc::overloaded);
  CHECK(enqueue("c", "t") == Errc::ok);
  CHECK(enqueue("d", "t") == Errc::overloaded);
  engine.fetch(engine.worker(), 1, {"d"});  // To be waited for is no queue yet.
  CHECK(enqueue("d", "t") == Errc::overloaded);
  CHECK(enqueue("a", "t") == Errc::ok);
  engine.restart();
  CHECK(enqueue("d", "t") == Errc::overloaded);
  CHECK(enqueue("a", "u") == Errc::overloaded);
  CHECK(enqueue("b", "s") == Errc::ok);
}

TEST_CASE("totals are the sums of all queues", "[core][engine]") {
  EngineFixture engine;
  engine.enqueue({.queue = "a", .jobs = 5});
  engine.enqueue({.queue = "b", .jobs = 4, .due = {Due::Kind::delay, 60'000ms, {}}});
  engine.enqueue({.queue = "c", .jobs = 3, .options = {.max_attempts = 1}});
  const auto worker = engine.worker();
  engine.complete(worker, engine.fetch(worker, 1, {"a"})[0]);
  engine.fail(worker, engine.fetch(worker, 1, {"a"})[0]);
  engine.fail(worker, engine.fetch(worker, 1, {"c"})[0]);
  REQUIRE(engine.fetch(worker, 1, {"c"}).size() == 1);
  engine.advance(250ms);
  const auto check = [&] {
    const EngineTotals totals = engine.engine().totals();
    CHECK(totals.pending == 4);
    CHECK(totals.processing == 1);
    CHECK(totals.scheduled == 4);
    CHECK(totals.retrying == 1);
    CHECK(totals.completed == 1);
    CHECK(totals.failed == 1);
  };
  check();
  engine.restart();
  check();
}

TEST_CASE("a cut connection's fetches are forgotten, and no others", "[core][fetch]") {
  EngineFixture engine;
  const auto cut = engine.worker();
  const auto stays = engine.worker();
  const Ticket lost = engine.park(cut, 1, 30s);
  const Ticket lost_too = engine.park(cut, 1, 20s);
  const Ticket kept = engine.park(stays, 1, 10s);
  const Ticket kept_too = engine.park(stays, 1, 30s);
  engine.cut(cut);
  engine.enqueue();
  CHECK(engine.reply_to(kept));
  CHECK_FALSE(engine.reply_to(lost));
  engine.advance(30s);
  CHECK(engine.reply_to(kept_too));
  CHECK_FALSE(engine.reply_to(lost));
  CHECK_FALSE(engine.reply_to(lost_too));
}
