#include "tests/client/pipeline_fixture.h"

namespace pawl::client {
namespace {

void submit_many(PipelineFixture& t, int calls, std::size_t bytes = 1) {
  for (int i = 0; i < calls; ++i) t.submit(10s, {}, bytes);
}

TEST_CASE("no more is on the wire than the broker takes, less a place for a ping",
          "[client][window]") {
  PipelineFixture t;
  t.greeting.set_requests_in_flight_max(4);
  t.connect();
  submit_many(t, 5);
  CHECK(t.sent_ids() == Ids{3, 4, 5});
  CHECK(t.sent().empty());
  t.answer(4);
  CHECK(t.sent_ids() == Ids{6});
}

TEST_CASE("the client's own bound holds where the broker takes more", "[client][window]") {
  PipelineFixture t({.window = 2});
  t.greeting.set_requests_in_flight_max(256);
  t.connect();
  submit_many(t, 3);
  CHECK(t.sent_ids() == Ids{3, 4});
}

TEST_CASE("a broker that takes one or two requests gets them", "[client][window]") {
  const auto bound = GENERATE(1u, 2u);
  PipelineFixture t;
  t.greeting.set_requests_in_flight_max(bound);
  t.connect();
  submit_many(t, 3);
  CHECK(t.sent().size() == bound);
}

TEST_CASE("the bound is that of the broker which has greeted last", "[client][window]") {
  PipelineFixture t;
  t.greeting.set_requests_in_flight_max(3);
  t.connect();
  submit_many(t, 5);
  CHECK(t.sent().size() == 2);
  t.cut();
  t.greeting.set_requests_in_flight_max(5);
  t.connect();
  CHECK(t.sent_ids() == Ids{3, 4, 5, 6});
  t.cut();
  t.greeting.clear_requests_in_flight_max();
  t.connect();
  CHECK(t.sent_ids() == Ids{3, 4, 5, 6, 7});
}

TEST_CASE("long polls leave half of what a broker takes to others", "[client][window]") {
  PipelineFixture t;
  t.greeting.set_requests_in_flight_max(5);
  t.connect();
  submit_many(t, 4, LoggedCall::kLongPoll);
  CHECK(t.sent_ids() == Ids{3, 4});
  submit_many(t, 3);
  CHECK(t.sent_ids() == Ids{7, 8});
}

TEST_CASE("a call that ended without its answer keeps its place until that comes",
          "[client][window]") {
  PipelineFixture t({.window = 2});
  t.connect();
  t.submit(1s);
  t.submit(1s);
  CHECK(t.sent_ids() == Ids{3, 4});
  t.advance(1s);
  submit_many(t, 2);
  CHECK(t.sent().empty());
  t.answer(4);
  CHECK(t.sent_ids() == Ids{5});
  t.answer(4);  // A second answer frees nothing.
  CHECK(t.sent().empty());
  t.answer(3);
  CHECK(t.sent_ids() == Ids{6});
}

TEST_CASE("places of calls that ended are free on the next connection", "[client][window]") {
  PipelineFixture t({.window = 2, .long_polls_max = 1});
  t.connect();
  t.submit(1s, {}, LoggedCall::kLongPoll);
  t.submit(1s);
  CHECK(t.sent().size() == 2);
  t.advance(1s);
  t.reconnect();
  submit_many(t, 1, LoggedCall::kLongPoll);
  submit_many(t, 1);
  CHECK(t.sent_ids() == Ids{5, 6});
}

TEST_CASE("a broker that owes a late answer is asked whether it lives", "[client][window]") {
  PipelineFixture t({.silence_limit = 5s});
  t.connect();
  t.submit(1s);
  t.sent();
  t.advance(1s);
  t.advance(4s);
  const auto ping = t.sent();
  REQUIRE(ping.size() == 1);
  CHECK(ping[0].has_ping());
}

TEST_CASE("no more is asked for than may be left unread, and nothing else waits for it",
          "[client][window]") {
  PipelineFixture t;
  t.greeting.set_unread_reply_bytes_max(100);
  t.connect();
  t.submit_asking(60);
  t.submit_asking(40);
  t.submit_asking(1);
  t.submit();
  CHECK(t.sent_ids() == Ids{3, 4, 6});
  t.answer(4);
  CHECK(t.sent_ids() == Ids{5});
  t.submit_asking(40);
  CHECK(t.sent().empty());
  t.answer(5);
  CHECK(t.sent_ids() == Ids{7});
}

TEST_CASE("what is larger than may be left unread is asked for alone", "[client][window]") {
  PipelineFixture t;
  t.greeting.set_unread_reply_bytes_max(100);
  t.connect();
  t.submit_asking(101);
  t.submit_asking(1);
  CHECK(t.sent_ids() == Ids{3});
  t.answer(3);
  CHECK(t.sent_ids() == Ids{4});
  t.reconnect();
  t.submit_asking(99);
  CHECK(t.sent_ids() == Ids{4, 5});
}

}  // namespace
}  // namespace pawl::client
