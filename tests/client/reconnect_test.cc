#include "tests/client/pipeline_fixture.h"

namespace pawl::client {
namespace {

using Decision = Pipeline::Decision;

// How long the pipeline waits before it connects again.
std::chrono::nanoseconds wait_before_connect(PipelineFixture& t) {
  const TimePoint begun = t.now;
  while (t.advance_to_next() != Decision::connect) continue;
  return t.now - begun;
}

TEST_CASE("waits before connecting double up to their bound and are spread below it",
          "[client][reconnect]") {
  PipelineFixture t({.backoff = 100ms, .backoff_max = 1s});
  t.advance(0ms);
  std::chrono::nanoseconds bound = 100ms;
  std::chrono::nanoseconds longest{};
  for (int i = 0; i < 200; ++i) {
    t.cut();
    const auto waited = wait_before_connect(t);
    CHECK(waited <= bound);
    longest = std::max(longest, waited);
    bound = std::min<std::chrono::nanoseconds>(bound * 2, 1s);
  }
  CHECK(longest > 900ms);
}

TEST_CASE("two clients do not wait alike", "[client][reconnect]") {
  PipelineFixture a({.backoff = 1s, .seed = 1});
  PipelineFixture b({.backoff = 1s, .seed = 2});
  a.advance(0ms);
  b.advance(0ms);
  a.cut();
  b.cut();
  CHECK(wait_before_connect(a) != wait_before_connect(b));
}

TEST_CASE("a connection that has answered makes the next wait short again", "[client][reconnect]") {
  PipelineFixture t({.backoff = 10ms, .backoff_max = 100s});
  t.advance(0ms);
  for (int i = 0; i < 15; ++i) {
    t.cut();
    wait_before_connect(t);
  }
  t.open();
  pb::Reply greeting;
  greeting.set_id(1);
  greeting.mutable_hello();
  CHECK_FALSE(t.receive(greeting));
  t.send();
  t.answer(3);
  t.cut();
  CHECK(wait_before_connect(t) <= 10ms);
}

TEST_CASE("a broker that greets and then cuts is not tried without pause", "[client][reconnect]") {
  PipelineFixture t({.backoff = 100ms, .backoff_max = 10s});
  t.submit(10min);
  std::chrono::nanoseconds waited{};
  for (int i = 0; i < 12; ++i) {
    t.connect();
    t.sent();
    const TimePoint cut_at = t.now;
    t.cut();
    while (t.pipeline.next_deadline() <= t.now) t.pipeline.advance(t.now);
    waited += t.pipeline.next_deadline() - cut_at;
  }
  CHECK(waited > 5s);
}

TEST_CASE("a socket that does not come about in time is given up", "[client][reconnect]") {
  PipelineFixture t({.connect_timeout = 3s});
  CHECK(t.advance(0ms) == Decision::connect);
  CHECK(t.advance(2999ms) == Decision::none);
  CHECK(t.advance(1ms) == Decision::cut);
}

TEST_CASE("a broker that does not greet in time is given up", "[client][reconnect]") {
  PipelineFixture t({.connect_timeout = 3s});
  CHECK(t.advance(0ms) == Decision::connect);
  t.open();
  CHECK(t.advance(3s) == Decision::cut);
}

TEST_CASE("a busy broker is tried again after its advice, and calls wait", "[client][reconnect]") {
  PipelineFixture t;
  const auto call = t.submit();
  t.advance(0ms);
  t.open();
  pb::Reply refusal;
  refusal.set_id(1);
  refusal.mutable_error()->set_code(pb::OVERLOADED);
  refusal.mutable_error()->set_retryable(true);
  refusal.mutable_error()->set_retry_after_ms(2000);
  const auto why = t.receive(refusal);
  REQUIRE(why);
  t.pipeline.on_cut(*why, t.now);
  CHECK(call->events.empty());
  CHECK(t.advance(1999ms) == Decision::none);
  CHECK(t.advance(1ms) == Decision::connect);
}

TEST_CASE("a broker that refuses this client for good fails the calls", "[client][reconnect]") {
  PipelineFixture t;
  const auto call = t.submit();
  t.advance(0ms);
  t.open();
  pb::Reply refusal;
  refusal.set_id(1);
  refusal.mutable_error()->set_code(pb::UNAUTHENTICATED);
  CHECK(t.receive(refusal)->code() == Errc::unauthenticated);
  CHECK(call->events == Events{"unauthenticated"});
}

TEST_CASE("an answer to the greeting of another kind cuts", "[client][reconnect]") {
  PipelineFixture t;
  t.advance(0ms);
  t.open();
  pb::Reply reply;
  reply.set_id(1);
  reply.mutable_ping();
  CHECK(t.receive(reply)->code() == Errc::protocol_error);
}

TEST_CASE("a broker that owes an answer and is silent is asked, then given up",
          "[client][reconnect]") {
  PipelineFixture t({.silence_limit = 5s});
  t.connect();
  t.submit(1h);
  t.sent();
  CHECK(t.advance(4999ms) == Decision::none);
  CHECK(t.sent().empty());
  CHECK(t.advance(1ms) == Decision::none);
  const auto ping = t.sent();
  REQUIRE(ping.size() == 1);
  CHECK(ping[0].has_ping());
  CHECK(t.advance(4999ms) == Decision::none);
  CHECK(t.advance(1ms) == Decision::cut);
}

TEST_CASE("a broker that answers the ping is waited for on", "[client][reconnect]") {
  PipelineFixture t({.silence_limit = 5s});
  t.connect();
  t.submit(1h);
  t.sent();
  for (int i = 0; i < 10; ++i) {
    CHECK(t.advance(5s) == Decision::none);
    const auto ping = t.sent_ids();
    REQUIRE(ping.size() == 1);
    t.answer(ping[0]);
  }
  CHECK(t.advance(4999ms) == Decision::none);
}

TEST_CASE("a connection without anything in flight may be silent", "[client][reconnect]") {
  PipelineFixture t;
  t.connect();
  CHECK(t.pipeline.next_deadline() == TimePoint::max());
  CHECK(t.advance(1h) == Decision::none);
  CHECK(t.sent().empty());
  t.send();
  CHECK(t.advance(4999ms) == Decision::none);
  CHECK(t.sent().empty());
}

TEST_CASE("a ping that cannot leave gives the connection up too", "[client][reconnect]") {
  PipelineFixture t({.silence_limit = 5s});
  t.connect();
  t.submit(1h);
  t.sent();
  t.advance(5s);
  CHECK(t.advance(5s) == Decision::cut);
}

}  // namespace
}  // namespace pawl::client
