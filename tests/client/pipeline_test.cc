#include "tests/client/pipeline_fixture.h"

namespace pawl::client {
namespace {

using Decision = Pipeline::Decision;

TEST_CASE("a pipeline connects at once and greets before all else", "[client][pipeline]") {
  PipelineFixture t;
  const auto call = t.submit();
  CHECK(t.advance(0ms) == Decision::connect);
  CHECK(t.advance(0ms) == Decision::none);
  t.open();
  CHECK(t.sent().empty());
  CHECK_FALSE(t.pipeline.ready());
  pb::Reply reply;
  reply.set_id(1);
  reply.mutable_hello();
  CHECK_FALSE(t.receive(reply));
  CHECK(t.pipeline.ready());
  CHECK(t.greetings == 1);
  CHECK(t.sent_ids() == Ids{3});
}

TEST_CASE("replies find their calls in any order", "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  const auto a = t.submit();
  const auto b = t.submit();
  CHECK(t.sent_ids() == Ids{3, 4});
  t.answer(4);
  CHECK(b->events == Events{"sent", "answered"});
  CHECK(a->events == Events{"sent"});
  t.answer(3);
  CHECK(a->events == Events{"sent", "answered"});
  CHECK(t.pipeline.in_flight() == 0);
}

TEST_CASE("a call may ask for another round", "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  const auto call = t.submit();
  call->wanted_rounds = 2;
  CHECK(t.sent_ids() == Ids{3});
  t.answer(3);
  CHECK(t.sent_ids() == Ids{3});
  t.answer(3);
  CHECK(call->events == Events{"sent", "answered", "sent", "answered"});
  CHECK(t.pipeline.in_flight() == 0);
}

TEST_CASE("a late or unknown reply is let pass", "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  const auto call = t.submit(1s);
  t.sent();
  t.advance(1s);
  CHECK(call->events == Events{"sent", "deadline"});
  t.answer(3);
  t.answer(77);
  CHECK(call->events.size() == 2);
}

TEST_CASE("a refusal that is not retryable ends the call", "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  const auto call = t.send();
  t.refuse(3, pb::INVALID_ARGUMENT);
  REQUIRE(call->error);
  CHECK(call->error->code() == Errc::invalid_argument);
  CHECK(call->error->message() == "refused by the test");
  CHECK(call->error->request_id() == 3);
  CHECK_FALSE(call->error->outcome_unknown());
}

TEST_CASE("a retryable refusal is sent again after the broker's advice", "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  const auto call = t.send();
  t.refuse(3, pb::OVERLOADED, 200);
  t.advance(199ms);
  CHECK(t.sent().empty());
  t.advance(52ms);  // A quarter of jitter at most.
  CHECK(t.sent_ids() == Ids{3});
  t.answer(3);
  CHECK(call->events == Events{"sent", "sent", "answered"});
}

TEST_CASE("refusals without advice are sent again ever later", "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  t.submit(1min);
  auto rest = 100ms;
  for (int i = 0; i < 5; ++i, rest *= 2) {
    CHECK(t.sent_ids() == Ids{3});
    t.refuse(3, pb::UNAVAILABLE);
    t.advance(rest - 1ms);
    CHECK(t.sent().empty());
    t.advance(rest / 4 + 2ms);
  }
}

TEST_CASE("a refusal whose rest would pass the deadline ends the call", "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  const auto call = t.submit(1s);
  t.sent();
  t.refuse(3, pb::DISK_FULL, 1000);
  REQUIRE(call->error);
  CHECK(call->error->code() == Errc::disk_full);
  CHECK(call->error->retryable());
  CHECK(call->error->retry_after() == 1000ms);
  CHECK_FALSE(call->error->outcome_unknown());
}

TEST_CASE("unavailable leaves the outcome open", "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  const auto call = t.submit(1s);
  t.sent();
  t.refuse(3, pb::UNAVAILABLE, 2000);
  REQUIRE(call->error);
  CHECK(call->error->outcome_unknown());
}

TEST_CASE("a call that wants no second try gets the refusal", "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  const auto call = t.submit(10s, {.deadline = {}, .when_refused = WhenRefused::fail});
  t.sent();
  t.refuse(3, pb::OVERLOADED, 1);
  CHECK(call->events == Events{"sent", "overloaded"});
}

TEST_CASE("after a cut everything in flight is sent again in order under its id",
          "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  const auto a = t.submit();
  const auto b = t.submit();
  CHECK(t.sent_ids() == Ids{3, 4});
  t.answer(3);
  const auto c = t.submit();
  t.cut();
  CHECK(t.sent().empty());
  const auto d = t.submit();
  t.connect();
  CHECK(t.sent_ids() == Ids{4, 5, 6});
  t.answer(4);
  t.answer(5);
  t.answer(6);
  CHECK(b->events == Events{"sent", "sent", "answered"});
  CHECK(c->events == Events{"sent", "answered"});
  CHECK(d->events == Events{"sent", "answered"});
  CHECK(t.greetings == 2);
}

TEST_CASE("a call that must not be sent twice fails with the cut, sent or not",
          "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  const auto sent = t.submit(10s, {.deadline = {}, .when_cut = WhenCut::fail});
  t.sent();
  const auto unsent = t.submit(10s, {.deadline = {}, .when_cut = WhenCut::fail});
  t.cut();
  CHECK(sent->events == Events{"sent", "connection"});
  CHECK(sent->error->outcome_unknown());
  CHECK(unsent->events == Events{"connection"});
  CHECK_FALSE(unsent->error->outcome_unknown());
  t.connect();
  CHECK(t.sent().empty());
}

TEST_CASE("a refused call that rests sleeps through a cut", "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  t.send();
  t.refuse(3, pb::OVERLOADED, 5000);
  t.reconnect();
  CHECK(t.sent().empty());
  t.advance(7s);
  CHECK(t.sent_ids() == Ids{3});
}

TEST_CASE("a call ends at its deadline, and says whether its outcome is known",
          "[client][pipeline]") {
  PipelineFixture t;
  const auto unreached = t.submit(1s);
  t.advance(0ms);
  t.advance(999ms);
  CHECK(unreached->events.empty());
  t.advance(1ms);
  CHECK(unreached->events == Events{"connection"});
  CHECK_FALSE(unreached->error->outcome_unknown());
  CHECK(unreached->error->retryable());
  t.cut();

  t.connect();
  const auto unanswered = t.submit(1s);
  t.sent();
  t.advance(1s);
  CHECK(unanswered->events == Events{"sent", "deadline"});
  CHECK(unanswered->error->outcome_unknown());

  const auto lost = t.submit(1s);
  t.sent();
  t.cut();
  t.advance(1s);
  CHECK(lost->events == Events{"sent", "deadline"});
  CHECK(lost->error->outcome_unknown());
}

TEST_CASE("a call that comes with its time up ends at once", "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  CHECK(t.submit(0ms)->events == Events{"deadline"});
  CHECK(t.pipeline.in_flight() == 0);
}

TEST_CASE("the error of a broker that cannot be reached says why", "[client][pipeline]") {
  PipelineFixture t;
  const auto call = t.submit(1s);
  t.advance(0ms);
  t.cut();
  t.advance(1s);
  REQUIRE(call->error);
  CHECK(call->error->message() == "cut by the test");
}

TEST_CASE("a call may expire in parts", "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  const auto call = t.send_in_parts(1s, 2s);
  t.advance(1s);
  CHECK(call->events == Events{"sent", "partly deadline"});
  t.advance(999ms);
  CHECK(call->events.size() == 2);
  t.advance(1ms);
  CHECK(call->events == Events{"sent", "partly deadline", "deadline"});
  CHECK(t.pipeline.in_flight() == 0);
}

TEST_CASE("a request over the broker's frame bound fails and leaves no bytes",
          "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  const auto large = t.submit(10s, {}, 2000);
  const auto small = t.submit();
  CHECK(t.sent_ids() == Ids{4});
  CHECK(large->error->code() == Errc::too_large);
  CHECK_FALSE(large->error->outcome_unknown());
}

TEST_CASE("a write ends when it is large enough", "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  for (int i = 0; i < 5; ++i) t.submit(10s, {}, 100);
  CHECK(t.sent(150).size() == 2);
  CHECK(t.sent(150).size() == 2);
  CHECK(t.sent(150).size() == 1);
}

TEST_CASE("no more is on the wire than the window, and the rest follows the answers",
          "[client][pipeline]") {
  PipelineFixture t({.window = 3});
  t.connect();
  for (int i = 0; i < 5; ++i) t.submit();
  CHECK(t.sent_ids() == Ids{3, 4, 5});
  CHECK(t.sent().empty());
  t.answer(4);
  CHECK(t.sent_ids() == Ids{6});
  t.reconnect();
  CHECK(t.sent_ids() == Ids{3, 5, 6});
}

TEST_CASE("long polls leave room for other requests and take turns", "[client][pipeline]") {
  PipelineFixture t({.window = 4, .long_polls_max = 2});
  t.connect();
  const auto first = t.submit(10s, {}, LoggedCall::kLongPoll);
  first->wanted_rounds = 2;
  for (int i = 0; i < 3; ++i) t.submit(10s, {}, LoggedCall::kLongPoll);
  t.submit();
  CHECK(t.sent_ids() == Ids{3, 4, 7});
  CHECK(first->long_polls == 4);
  t.answer(3);
  CHECK(t.sent_ids() == Ids{5});
  t.answer(4);
  CHECK(t.sent_ids() == Ids{6});
  t.answer(5);
  CHECK(t.sent_ids() == Ids{3});
  CHECK(first->long_polls == 2);
}

TEST_CASE("long polls that are on the wire go again first after a cut", "[client][pipeline]") {
  PipelineFixture t({.window = 4, .long_polls_max = 1});
  t.connect();
  t.submit(10s, {}, LoggedCall::kLongPoll);
  t.submit();
  CHECK(t.sent_ids() == Ids{3, 4});
  t.reconnect();
  CHECK(t.sent_ids() == Ids{3, 4});
  t.answer(3);
  t.answer(4);
  CHECK(t.pipeline.in_flight() == 0);
}

TEST_CASE("a long poll leaves though all that was queued before it has ended",
          "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  t.submit(1s);
  t.advance(1s);
  t.submit(10s, {}, LoggedCall::kLongPoll);
  CHECK(t.sent_ids() == Ids{4});
}

TEST_CASE("pushes are handed over", "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  pb::Reply push;
  push.mutable_stop()->set_reason("maintenance");
  CHECK_FALSE(t.receive(push));
  REQUIRE(t.pushes.size() == 1);
  CHECK(t.pushes[0].stop().reason() == "maintenance");
}

TEST_CASE("bytes that are no reply cut the connection", "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  const auto error = t.pipeline.on_frame("\xff\xff\xff", t.now);
  REQUIRE(error);
  CHECK(error->code() == Errc::protocol_error);
}

TEST_CASE("closing fails everything, sent or not", "[client][pipeline]") {
  PipelineFixture t;
  t.connect();
  const auto sent = t.submit();
  t.sent();
  const auto unsent = t.submit();
  t.pipeline.close(Error(Errc::closed, "closed"));
  CHECK(sent->error->code() == Errc::closed);
  CHECK(sent->error->outcome_unknown());
  CHECK(unsent->error->code() == Errc::closed);
  CHECK_FALSE(unsent->error->outcome_unknown());
}

}  // namespace
}  // namespace pawl::client
