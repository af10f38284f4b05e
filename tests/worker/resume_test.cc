#include <fmt/format.h>

#include "tests/worker/session_fixture.h"
#include "worker/session_fsm.h"

namespace pawl::worker {
namespace {

using Slots = std::vector<std::size_t>;

TEST_CASE("after a cut the worker lists what runs and what was not acknowledged",
          "[worker][resume]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(7, {0, 1, 2});
  worker.complete(slots[0]);
  worker.report();
  worker.complete(slots[1]);

  worker.fsm.on_disconnected(worker.now);

  CHECK(worker.fsm.session() == "s");
  CHECK(worker.fsm.held() == std::vector<Lease>{SessionFixture::lease(7, 2),
                                                SessionFixture::lease(7, 1),
                                                SessionFixture::lease(7, 0)});
  CHECK(worker.report().empty());
  worker.connect();
  CHECK(worker.report() == "complete 1");
}

TEST_CASE("the fetch that a cut ended is made anew", "[worker][resume]") {
  SessionFixture worker;
  worker.connect();
  CHECK(worker.fetch() == 4);
  worker.fsm.on_disconnected(worker.now);
  CHECK(worker.fetch() == 0);
  worker.connect();
  CHECK(worker.fetch() == 4);
}

TEST_CASE("a job that was given to somebody else is asked to stop and reported no more",
          "[worker][resume][lease]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(7, {0, 1});
  worker.fsm.on_disconnected(worker.now);

  worker.connect({SessionFixture::lease(7, 1)});

  CHECK(worker.stop() == "lease_lost " + std::to_string(slots[1]));
  CHECK(worker.fsm.held() == std::vector<Lease>{SessionFixture::lease(7, 0)});
  worker.complete(slots[1]);
  CHECK(worker.report().empty());
  worker.complete(slots[0]);
  CHECK(worker.report() == "complete 0");
}

TEST_CASE("a lost lease goes before every other reason to stop", "[worker][resume][stop]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  worker.deliver(7, {0});
  worker.fsm.on_cancelled(SessionFixture::lease(7, 0));
  CHECK(worker.stop() == "cancelled 0");
  worker.fsm.on_disconnected(worker.now);
  worker.connect({SessionFixture::lease(7, 0)});
  CHECK(worker.stop() == "lease_lost 0");
}

TEST_CASE("an outcome whose lease was lost before it could leave is dropped", "[worker][resume]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(7, {0});
  worker.fsm.on_disconnected(worker.now);
  worker.complete(slots[0]);
  worker.connect({SessionFixture::lease(7, 0)});
  CHECK(worker.report().empty());
}

TEST_CASE("an answer of another kind takes no outcome with it", "[worker][resume]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  for (const std::size_t slot : worker.deliver(1, {0})) worker.complete(slot);
  REQUIRE(worker.report() == "complete 0");
  worker.fsm.on_report_failed(worker.report_number, Error(Errc::protocol_error, "a pong"),
                              worker.now);
  CHECK(worker.fsm.next_reconnect());
  worker.connect();
  CHECK(worker.report() == "complete 0");
}

TEST_CASE("a connection that is refused changes nothing in what jobs came to", "[worker][resume]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  for (const std::size_t slot : worker.deliver(1, {0})) worker.complete(slot);
  REQUIRE(worker.report() == "complete 0");
  worker.fsm.on_disconnected(worker.now);
  worker.fsm.on_report_failed(worker.report_number, Error(Errc::unsupported, "another version"),
                              worker.now);
  worker.connect();
  CHECK(worker.report() == "complete 0");
}

TEST_CASE("a repeated report that was refused counts as done, without a word", "[worker][resume]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(7, {0});
  worker.complete(slots[0]);
  worker.report();
  worker.fsm.on_disconnected(worker.now);
  worker.connect({SessionFixture::lease(7, 0)});
  while (worker.fsm.next_note()) {
  }

  worker.acknowledge({{SessionFixture::lease(7, 0), Errc::lease_lost}});

  CHECK_FALSE(worker.fsm.next_note());
  CHECK(worker.fsm.held().empty());
}

// What the broker says to everything when the session is over.
Error over() {
  return Error(Errc::lease_lost, "this session is over");
}

TEST_CASE("a session that is over is made anew over a new connection", "[worker][resume]") {
  SessionFixture worker(3);
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(7, {0, 1});
  worker.fetch();
  worker.complete(slots[0]);
  REQUIRE(worker.report() == "complete 0");

  SECTION("as a fetch finds") {
    worker.fsm.on_fetch_failed(worker.fetch_number, over(), worker.now);
  }
  SECTION("as a heartbeat finds") {
    worker.fsm.on_heartbeat_failed(over());
  }
  SECTION("as a report finds") {
    worker.fsm.on_report_failed(worker.report_number, over(), worker.now);
  }
  SECTION("as several find") {
    worker.fsm.on_heartbeat_failed(over());
    worker.fsm.on_report_failed(worker.report_number, over(), worker.now);
    worker.fsm.on_fetch_failed(worker.fetch_number, over(), worker.now);
  }
  CHECK(worker.fsm.next_reconnect());
  CHECK_FALSE(worker.fsm.next_reconnect());
  CHECK(worker.fetch() == 0);
  CHECK(worker.report().empty());
  worker.fsm.on_disconnected(worker.now);
  CHECK(worker.fsm.held() ==
        std::vector<Lease>{SessionFixture::lease(7, 1), SessionFixture::lease(7, 0)});

  worker.connect({SessionFixture::lease(7, 0), SessionFixture::lease(7, 1)});
  CHECK(worker.stop() == fmt::format("lease_lost {}", slots[1]));
  CHECK(worker.report().empty());
  CHECK(worker.fetch() == 2);
  CHECK_FALSE(worker.fsm.failure());
}

TEST_CASE("a broker that ends every session is asked for the next one ever less often",
          "[worker][resume]") {
  SessionFixture worker;
  std::vector<Milliseconds> pauses;
  for (int i = 0; i < 9; ++i) {
    worker.connect();
    worker.fetch();
    worker.fsm.on_fetch_failed(worker.fetch_number, over(), worker.now);
    pauses.push_back(worker.fsm.next_reconnect().value().retry_after());
    worker.fsm.on_disconnected(worker.now);
  }
  CHECK(pauses ==
        std::vector<Milliseconds>{0ms, 100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 5s, 5s});
  worker.connect();
  worker.fsm.on_heartbeat(worker.now);
  worker.fsm.on_heartbeat_failed(over());
  CHECK(worker.fsm.next_reconnect().value().retry_after() == 0ms);
}

TEST_CASE("a fetch without an answer is given up with its connection, so that its jobs return",
          "[worker][resume]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  worker.pass(60s - 1ms);
  CHECK_FALSE(worker.fsm.next_reconnect());
  worker.fsm.heartbeat_due(worker.now);
  CHECK(worker.fsm.next_deadline() == worker.now + 1ms);
  worker.pass(1ms);
  CHECK(worker.fsm.next_reconnect());
  worker.fsm.on_disconnected(worker.now);
  worker.connect();
  CHECK(worker.fetch() == 4);
}

TEST_CASE("a late report is told to people", "[worker][lease]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  worker.complete(worker.deliver(7, {0})[0]);
  worker.report();
  worker.acknowledge({{SessionFixture::lease(7, 0), Errc::lease_lost}});
  CHECK(worker.fsm.next_note());
}

TEST_CASE("a broker that stops is asked for nothing until the next connection",
          "[worker][resume]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(7, {0});
  worker.fsm.on_broker_stopping(worker.now);

  CHECK(worker.fetch() == 0);
  worker.complete(slots[0]);
  CHECK(worker.report() == "complete 0");
  worker.fsm.on_disconnected(worker.now);
  worker.connect();
  CHECK(worker.fetch() == 4);
}

TEST_CASE("what is held stays within what a Hello can list", "[worker][resume]") {
  SessionFixture worker(1000);
  worker.connect();
  std::vector<unsigned> jobs(1000);
  for (unsigned i = 0; i < 1000; ++i) jobs[i] = i;
  worker.fetch();
  for (const std::size_t slot : worker.deliver(1, jobs)) worker.complete(slot);
  worker.report();
  CHECK(worker.fetch() == 700);
}

}  // namespace
}  // namespace pawl::worker
