#include "tests/worker/session_fixture.h"
#include "worker/session_fsm.h"

namespace pawl::worker {
namespace {

using Slots = std::vector<std::size_t>;

TEST_CASE("a worker that has asked for nothing ends at once", "[worker][drain]") {
  SessionFixture worker;
  SECTION("connected") {
    worker.connect();
  }
  SECTION("never connected") {}
  worker.fsm.drain(25s, worker.now);
  CHECK_FALSE(worker.fsm.end_fetch_due());
  CHECK(worker.fsm.ended());
}

TEST_CASE("an idle worker has its fetch ended, once, and waits for the answer", "[worker][drain]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  worker.fsm.drain(25s, worker.now);

  CHECK(worker.fsm.end_fetch_due());
  CHECK_FALSE(worker.fsm.end_fetch_due());
  CHECK_FALSE(worker.fsm.ended());
  SECTION("nothing comes") {
    worker.deliver(1, {});
  }
  SECTION("a job comes that was leased meanwhile") {
    CHECK(worker.deliver(1, {0}).empty());
    CHECK(worker.report() == "release 0");
    CHECK_FALSE(worker.fsm.ended());
    worker.acknowledge();
  }
  SECTION("the broker does not know how") {
    worker.fsm.on_end_fetch_failed(Error(Errc::unsupported, "what?"));
  }
  SECTION("the connection is cut") {
    worker.fsm.on_disconnected(worker.now);
  }
  SECTION("no answer comes") {
    worker.pass(4999ms);
    CHECK_FALSE(worker.fsm.ended());
    worker.pass(1ms);
  }
  worker.pass(0s);
  CHECK(worker.fsm.ended());
}

TEST_CASE("a busy worker's fetch is ended when the drain begins", "[worker][drain]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(1, {0});
  worker.fetch();
  SECTION("with a grace") {
    worker.fsm.drain(25s, worker.now);
  }
  SECTION("without one") {
    worker.fsm.hurry(worker.now);
  }
  CHECK(worker.fsm.end_fetch_due());
}

TEST_CASE("a draining worker fetches no more and waits for its handlers and their reports",
          "[worker][drain]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(1, {0, 1});
  worker.fsm.drain(25s, worker.now);
  CHECK(worker.fetch() == 0);

  worker.complete(slots[0]);
  CHECK(worker.report() == "complete 0");
  worker.acknowledge();
  worker.pass(24s);
  CHECK_FALSE(worker.fsm.ended());
  worker.complete(slots[1]);
  worker.pass(0s);
  CHECK_FALSE(worker.fsm.ended());
  CHECK(worker.report() == "complete 1");
  worker.acknowledge();
  worker.pass(0s);

  CHECK(worker.fsm.ended());
  CHECK(worker.fsm.handed_back() == 0);
}

TEST_CASE("jobs that a last fetch brings go straight back", "[worker][drain]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  worker.deliver(1, {0});
  worker.fetch();
  worker.fsm.drain(25s, worker.now);
  CHECK(worker.deliver(2, {1, 2}).empty());
  CHECK(worker.report() == "release 1, release 2");
}

TEST_CASE("when the grace is over, handlers are asked to stop and failures count no attempt",
          "[worker][drain]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(1, {0, 1});
  worker.fsm.drain(25s, worker.now);
  CHECK(worker.fsm.next_deadline() == worker.now + 10s);
  worker.pass(25s);

  CHECK(worker.stop() == "draining 0");
  CHECK(worker.stop() == "draining 1");
  worker.fail(slots[0]);
  worker.complete(slots[1]);
  CHECK(worker.report() == "release 0, complete 1");
  worker.acknowledge();
  worker.pass(0s);
  CHECK(worker.fsm.ended());
  CHECK(worker.fsm.handed_back() == 1);
  CHECK(worker.fsm.abandoned() == 0);
}

TEST_CASE("what still runs after that is handed back, and its later outcome is dropped",
          "[worker][drain]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(1, {0});
  worker.fsm.drain(25s, worker.now);
  worker.pass(25s);
  CHECK(worker.report().empty());
  worker.pass(2s);

  CHECK(worker.report() == "release 0");
  worker.complete(slots[0]);
  CHECK(worker.report().empty());
  worker.acknowledge();
  worker.pass(0s);
  CHECK(worker.fsm.ended());
  CHECK(worker.fsm.handed_back() == 1);
  CHECK(worker.fsm.abandoned() == 1);
}

TEST_CASE("a handler that hands its job back by itself is no matter of the drain",
          "[worker][drain]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  const Slots slots = worker.deliver(1, {0});
  worker.fsm.drain(25s, worker.now);
  worker.fsm.on_finished(slots[0], {.kind = OutcomeKind::release}, worker.now);
  CHECK(worker.report() == "release 0");
  worker.acknowledge();
  worker.pass(0s);
  CHECK(worker.fsm.ended());
  CHECK(worker.fsm.handed_back() == 0);
}

TEST_CASE("a broker that does not answer cannot keep a drained worker", "[worker][drain]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  worker.complete(worker.deliver(1, {0})[0]);
  worker.report();
  worker.fsm.drain(25s, worker.now);
  worker.pass(4999ms);
  CHECK_FALSE(worker.fsm.ended());
  worker.pass(1ms);
  CHECK(worker.fsm.ended());
}

TEST_CASE("a hurried worker hands back at once and waits a second for the answer",
          "[worker][drain]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  worker.deliver(1, {0});
  worker.fsm.drain(25s, worker.now);
  worker.fsm.hurry(worker.now);

  CHECK(worker.stop() == "draining 0");
  CHECK(worker.report() == "release 0");
  CHECK_FALSE(worker.fsm.ended());
  SECTION("with an answer") {
    worker.acknowledge();
  }
  SECTION("without") {
    worker.pass(1s);
  }
  SECTION("hurried again") {
    worker.fsm.hurry(worker.now);
  }
  worker.pass(0s);
  CHECK(worker.fsm.ended());
}

TEST_CASE("a second drain can only shorten the grace", "[worker][drain]") {
  SessionFixture worker;
  worker.connect();
  worker.fetch();
  worker.deliver(1, {0});
  worker.fsm.drain(5s, worker.now);
  worker.fsm.drain(25s, worker.now);
  worker.pass(5s);
  CHECK(worker.stop() == "draining 0");
}

}  // namespace
}  // namespace pawl::worker
