#include "worker/session_fsm.h"

#include "tests/worker/session_fixture.h"

namespace pawl::worker {
namespace {

using Slots = std::vector<std::size_t>;

TEST_CASE("a worker fetches for its free slots only, one fetch at a time", "[worker][fetch]") {
  SessionFixture worker(4);
  CHECK(worker.fetch() == 0);
  worker.connect();
  CHECK(worker.fetch() == 4);
  CHECK(worker.fetch() == 0);

  worker.deliver(1, {0, 1, 2});
  CHECK(worker.fetch() == 1);
  worker.deliver(2, {3});
  CHECK(worker.fetch() == 0);
}

TEST_CASE("a finished job is reported at once and frees its slot", "[worker][report]") {
  SessionFixture worker(2);
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(1, {0, 1});

  worker.complete(slots[1], "r");

  CHECK(worker.report() == "complete 1");
  CHECK(worker.fetch() == 1);
}

TEST_CASE("a fetch that waits in the broker does not hold reports back", "[worker][report]") {
  SessionFixture worker(2);
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(1, {0});
  REQUIRE(worker.fetch() == 1);

  worker.complete(slots[0]);

  CHECK(worker.report() == "complete 0");
}

TEST_CASE("with a backlog, reports wait for the fetch under way and travel with the next",
          "[worker][report]") {
  SessionFixture worker(4);
  worker.connect();
  worker.fetch();
  Slots slots = worker.deliver(1, {0, 1, 2, 3});
  worker.complete(slots[0]);
  REQUIRE(worker.report() == "complete 0");
  REQUIRE(worker.fetch() == 1);

  worker.complete(slots[1]);
  CHECK(worker.report().empty());
  CHECK(worker.fsm.next_deadline() == worker.now + 2ms);
  slots = worker.deliver(2, {4});
  CHECK(worker.report() == "complete 1");
  CHECK(worker.fetch() == 1);

  SECTION("but not for long") {
    worker.complete(slots[0]);
    CHECK(worker.report().empty());
    worker.pass(2ms);
    CHECK(worker.report() == "complete 4");
  }
}

TEST_CASE("brief jobs are gathered until half of the slots are free", "[worker][report]") {
  SessionFixture worker(4);
  worker.connect();
  worker.fetch();
  Slots slots = worker.deliver(1, {0, 1, 2, 3});
  // Twelve rounds let the mean run time fall below what counts as brief.
  for (int round = 0; round < 120; ++round) {
    for (const std::size_t slot : slots) worker.complete(slot, {}, 1us);
    worker.report();
    worker.acknowledge();
    worker.fetch();
    slots = worker.deliver(1, {0, 1, 2, 3});
  }

  worker.complete(slots[0], {}, 1us);
  CHECK(worker.report().empty());
  CHECK(worker.fetch() == 0);
  worker.complete(slots[1], {}, 1us);
  CHECK(worker.report() == "complete 0, complete 1");
  CHECK(worker.fetch() == 2);
}

TEST_CASE("a report holds at most 1000 jobs and 2 MiB", "[worker][report]") {
  SessionFixture worker(3);
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(1, {0, 1, 2});
  for (const std::size_t slot : slots) worker.complete(slot, std::string(900'000, 'r'));

  CHECK(worker.report() == "complete 0, complete 1");
  CHECK(worker.report() == "complete 2");
}

TEST_CASE("jobs of one lease stand together in a report", "[worker][report]") {
  SessionFixture worker(4);
  worker.connect();
  worker.fetch();
  const Slots first = worker.deliver(1, {0, 5});
  worker.fetch();
  const Slots second = worker.deliver(2, {3, 4});
  worker.complete(second[0]);
  worker.complete(first[1]);
  worker.complete(second[1]);
  worker.complete(first[0]);

  CHECK(worker.report() == "complete 0, complete 5, complete 3, complete 4");
}

TEST_CASE("a refused fetch is repeated after a pause that grows", "[worker][fetch]") {
  SessionFixture worker;
  worker.connect();
  const auto refuse = [&](Milliseconds retry_after) {
    REQUIRE(worker.fetch() > 0);
    worker.fsm.on_fetch_failed(
        worker.fetch_number,
        Error(Errc::overloaded, "busy").set_retryable(true).set_retry_after(retry_after),
        worker.now);
  };
  refuse(0ms);
  CHECK(worker.fsm.next_deadline() == worker.now + 100ms);
  CHECK(worker.fetch() == 0);
  worker.pass(100ms);
  refuse(0ms);
  CHECK(worker.fsm.next_deadline() == worker.now + 200ms);
  worker.pass(200ms);
  refuse(1s);
  CHECK(worker.fsm.next_deadline() == worker.now + 1s);
}

TEST_CASE("a broker that answers nothing at once is not asked in a loop", "[worker][fetch]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  worker.deliver(1, {});
  CHECK(worker.fetch() == 0);
  worker.pass(100ms);
  CHECK(worker.fetch() == 4);

  worker.pass(9s);
  worker.deliver(1, {});
  CHECK(worker.fetch() == 4);
}

TEST_CASE("a worker that the broker refuses for good drains and says why", "[worker][fetch]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  worker.fsm.on_fetch_failed(worker.fetch_number, Error(Errc::invalid_argument, "bad queue"),
                             worker.now);
  worker.pass(0s);

  CHECK(worker.fsm.ended());
  REQUIRE(worker.fsm.failure());
  CHECK(worker.fsm.failure()->message() == "bad queue");
}

TEST_CASE("a worker goes on after a refusal that says nothing against it", "[worker][fetch]") {
  const Errc code = GENERATE(Errc::too_large, Errc::protocol_error, Errc::not_found,
                             Errc::id_conflict, Errc::deadline);
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  worker.fsm.on_fetch_failed(worker.fetch_number, Error(code, "odd"), worker.now);
  CHECK(worker.fetch() == 0);
  worker.pass(100ms);
  CHECK(worker.fetch() == 4);
  CHECK_FALSE(worker.fsm.failure());
}

TEST_CASE("heartbeats keep the leases, by the time at which they were sent", "[worker][lease]") {
  SessionFixture worker;
  worker.connect();
  const TimePoint connected = worker.now;
  CHECK(worker.fsm.lease_until() == connected + 30s);
  CHECK_FALSE(worker.fsm.heartbeat_due(worker.now));

  worker.fetch();
  CHECK(worker.fsm.next_deadline() == connected + 10s);
  worker.pass(10s);
  CHECK(worker.fsm.heartbeat_due(worker.now));
  CHECK_FALSE(worker.fsm.heartbeat_due(worker.now));
  worker.pass(3s);
  worker.fsm.on_heartbeat(connected + 10s);

  CHECK(worker.fsm.lease_until() == connected + 40s);
  CHECK(worker.fsm.next_deadline() == connected + 20s);
}

TEST_CASE("a cancelled job is asked to stop, and fails as cancelled", "[worker][stop]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(1, {0, 1});

  worker.fsm.on_cancelled(SessionFixture::lease(1, 1));
  worker.fsm.on_cancelled(SessionFixture::lease(9, 0));

  CHECK(worker.stop() == "cancelled " + std::to_string(slots[1]));
  CHECK(worker.stop().empty());
  worker.fail(slots[1]);
  CHECK(worker.report() == "cancellation 1");
}

TEST_CASE("a cancelled job that ends well all the same is completed", "[worker][stop]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(1, {0});
  worker.fsm.on_cancelled(SessionFixture::lease(1, 0));
  worker.complete(slots[0]);
  CHECK(worker.report() == "complete 0");
}

TEST_CASE("a run-time limit stops the job and is the failure's cause", "[worker][stop]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(1, {0}, 5s);
  worker.fetch();
  CHECK(worker.fsm.next_deadline() == worker.now + 5s);

  worker.pass(4999ms);
  CHECK(worker.stop().empty());
  worker.pass(1ms);
  CHECK(worker.stop() == "time_limit 0");
  worker.fail(slots[0]);
  CHECK(worker.report() == "time_limit 0");
}

TEST_CASE("a job that hands itself back at its run-time limit has failed", "[worker][stop]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(1, {0}, 5s);
  worker.pass(5s);
  worker.fsm.on_finished(slots[0], {.kind = OutcomeKind::release}, worker.now);
  const auto order = worker.fsm.next_report(worker.now);
  REQUIRE(order);
  const Outcome& outcome = order->jobs->front().outcome;
  CHECK(outcome.kind == OutcomeKind::fail);
  CHECK(outcome.failure.cause == Failure::Cause::time_limit);
  CHECK(outcome.failure.error_class == "time_limit");
}

TEST_CASE("a job that ends in time leaves no limit behind", "[worker][stop]") {
  SessionFixture worker(1);
  worker.connect();
  worker.fetch();
  worker.complete(worker.deliver(1, {0}, 5s)[0]);
  worker.report();
  worker.fetch();
  worker.deliver(2, {1});
  worker.pass(5s);
  CHECK(worker.stop().empty());
}

TEST_CASE("an outcome that the broker will not take is followed by a plainer one",
          "[worker][report]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(1, {0, 1});
  worker.complete(slots[0]);
  worker.complete(slots[1]);
  REQUIRE(worker.report() == "complete 0, complete 1");
  const auto refuse = [&] {
    worker.fsm.on_report_failed(worker.report_number, Error(Errc::too_large, "no"), worker.now);
  };
  // Whose fault it was shows when each stands alone.
  refuse();
  CHECK(worker.report() == "complete 0");
  refuse();
  CHECK(worker.report() == "complete 1");
  worker.acknowledge();
  CHECK(worker.report() == "fail 0");
  refuse();
  CHECK(worker.report() == "release 0");
  refuse();
  CHECK(worker.report().empty());
  CHECK(worker.fsm.held().empty());
}

TEST_CASE("a single refused outcome is repeated, made plainer or dropped by its code",
          "[worker][report]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  for (const std::size_t slot : worker.deliver(1, {0, 1, 2, 3})) worker.complete(slot);
  worker.report();

  worker.acknowledge({{SessionFixture::lease(1, 0), Errc::lease_lost},
                      {SessionFixture::lease(1, 1), Errc::overloaded},
                      {SessionFixture::lease(1, 2), Errc::too_large}});

  CHECK(worker.report() == "complete 1");
  CHECK(worker.report() == "fail 2");
  CHECK(worker.report().empty());
}

TEST_CASE("a failure that is refused is told as one, and then handed back", "[worker][report]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  for (const std::size_t slot : worker.deliver(1, {0})) worker.fail(slot);
  const std::vector<Refusal> refused{{SessionFixture::lease(1, 0), Errc::invalid_argument}};

  CHECK(worker.report() == "fail 0");
  worker.acknowledge(refused);
  CHECK(worker.report() == "fail 0");
  worker.acknowledge(refused);
  CHECK(worker.report() == "release 0");
  worker.acknowledge(refused);
  CHECK(worker.report().empty());
}

}  // namespace
}  // namespace pawl::worker
