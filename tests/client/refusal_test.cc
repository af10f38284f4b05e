#include "tests/client/pipeline_fixture.h"

namespace pawl::client {
namespace {

TEST_CASE("a refusal ends only those whose time is up before the next try", "[client][refusal]") {
  PipelineFixture t;
  t.connect();
  const auto batch = t.send_in_parts(1s, 10s);
  t.refuse(3, pb::OVERLOADED, 2000);
  CHECK(batch->events == Events{"sent", "partly overloaded"});
  t.advance(3s);
  CHECK(t.sent_ids() == Ids{3});
  t.answer(3);
  CHECK(batch->events == Events{"sent", "partly overloaded", "sent", "answered"});
}

TEST_CASE("a deadline that is noticed late takes no mate's next try away", "[client][refusal]") {
  PipelineFixture t;
  t.connect();
  const auto batch = t.send_in_parts(1s, 10s);
  t.refuse(3, pb::OVERLOADED, 200);
  t.advance(2s);
  CHECK(batch->events == Events{"sent", "partly overloaded"});
  CHECK(t.sent_ids() == Ids{3});
}

TEST_CASE("what comes with the time of its first part up is sent for the rest",
          "[client][refusal]") {
  PipelineFixture t;
  t.connect();
  auto log = std::make_shared<CallLog>();
  log->later_deadlines = {t.now + 10s};
  t.pipeline.submit(std::make_unique<LoggedCall>(CallPolicy{.deadline = t.now}, log, 1), t.now);
  CHECK(log->events == Events{"partly deadline"});
  CHECK(t.sent_ids() == Ids{3});
}

TEST_CASE("a call that can ask for something else is sent again at once", "[client][refusal]") {
  PipelineFixture t;
  t.connect();
  const auto call = t.send(Remedy::send_again);
  t.refuse(3, pb::TOO_LARGE);
  CHECK(t.sent_ids() == Ids{3});
  t.refuse(3, pb::TOO_LARGE);
  CHECK(call->events == Events{"sent", "sent", "too_large"});
}

TEST_CASE("a call can ask for something else after a cut too", "[client][refusal]") {
  PipelineFixture t;
  t.connect();
  const auto call = t.send(Remedy::send_again);
  t.reconnect();
  t.sent();
  t.refuse(3, pb::TOO_LARGE);
  CHECK(t.sent_ids() == Ids{3});
}

TEST_CASE("a call that was refused for its age waits for the broker's time", "[client][refusal]") {
  PipelineFixture t;
  t.connect();
  const auto call = t.send(Remedy::renew_clock);
  t.refuse(3, pb::ID_EXPIRED);
  const auto asked = t.sent();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].has_ping());
  t.answer(asked[0].id(), 12345);
  CHECK(t.server_time == 12345);
  CHECK(t.sent_ids() == Ids{3});
  t.refuse(3, pb::ID_EXPIRED);
  CHECK(call->events == Events{"sent", "sent", "id_expired"});
}

TEST_CASE("the next greeting tells the broker's time too", "[client][refusal]") {
  PipelineFixture t;
  t.connect();
  t.send(Remedy::renew_clock);
  t.refuse(3, pb::ID_EXPIRED);
  t.reconnect();
  CHECK(t.sent_ids() == Ids{3});
}

TEST_CASE("a call whose age was refused after a lost answer says that its outcome is open",
          "[client][refusal]") {
  PipelineFixture t;
  t.connect();
  const auto call = t.send(Remedy::renew_clock);
  t.reconnect();
  t.sent();
  t.refuse(3, pb::ID_EXPIRED);
  CHECK(call->events == Events{"sent", "sent", "id_expired"});
  CHECK(call->error->outcome_unknown());
}

TEST_CASE("every pong tells the broker's time", "[client][refusal]") {
  PipelineFixture t;
  t.connect();
  t.send();
  t.answer(3, 777);
  CHECK(t.server_time == 777);
}

}  // namespace
}  // namespace pawl::client
