#include "broker/net/conversation.h"

#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "proto/frame.h"
#include "tests/net/recording_sink.h"
#include "tests/net/values.h"
#include "tests/proto/golden.h"

namespace pawl::net {
namespace {

// A conversation without a connection.
struct Talk {
  Talk() {
    settings.greeting.frame_bytes_max = 4 << 20;
    settings.greeting.version = "1.0.0";
  }

  // Says Hello as a worker and gets a session.
  void open_session() {
    pb::Request request;
    request.set_id(1);
    request.mutable_hello()->set_protocol_version(1);
    request.mutable_hello()->mutable_worker()->set_worker_id("w-1");
    conversation.take(request.SerializeAsString());
    core::Reply opened;
    opened.ticket = sink.take_as<core::OpenSession>().ticket;
    opened.body = core::SessionOpened{{7, 8}, {}, {}};
    conversation.answer(opened);
  }

  // What was said since the last call. Each frame must be a reply.
  std::vector<pb::Reply> said() {
    wire::FrameReader frames(4 << 20);
    Output& output = conversation.output();
    while (!output.empty()) {
      std::size_t bytes = 0;
      for (const auto& buffer : output.front()) {
        frames.feed(std::string_view(static_cast<const char*>(buffer.data()), buffer.size()));
        bytes += buffer.size();
      }
      output.consume(bytes);
    }
    std::vector<pb::Reply> replies;
    while (const auto body = frames.next()) {
      REQUIRE(replies.emplace_back().ParseFromArray(body->data(), static_cast<int>(body->size())));
    }
    REQUIRE(frames.buffered_bytes() == 0);
    return replies;
  }

  RecordingSink sink;
  NetSettings settings;
  Services services{sink,
                    [] {
                      return core::Now{core::timestamp_from_ms(kMailTime), {}};
                    },
                    [] {
                      return core::SessionId{5, 6};
                    }};
  Conversation conversation{1, services, settings};
};

pb::Request hello_holding(int entries) {
  pb::Request request;
  request.set_id(1);
  request.mutable_hello()->set_protocol_version(1);
  pb::WorkerHello& worker = *request.mutable_hello()->mutable_worker();
  worker.set_resume_session(std::string(16, 's'));
  for (int i = 0; i < entries; ++i) {
    pb::Held& held = *worker.add_held();
    held.set_token(static_cast<std::uint64_t>(i + 1));
    held.set_batch_id(bytes_of(kMail));
    held.add_index(0);
  }
  return request;
}

TEST_CASE("a hello may be over 8 KiB when it lists held jobs, and only then",
          "[net][conversation]") {
  Talk holding;
  const std::string large = hello_holding(1000).SerializeAsString();
  REQUIRE(large.size() > 20'000);
  holding.conversation.take(large);
  CHECK(holding.sink.take_as<core::OpenSession>().held.size() == 1000);

  Talk idle;
  pb::Request padded = hello_holding(0);
  for (int i = 0; i < 64; ++i) padded.mutable_hello()->add_features(std::string(128, 'f'));
  idle.conversation.take(padded.SerializeAsString());
  CHECK(idle.conversation.ended());
  CHECK(idle.said().at(0).error().code() == pb::TOO_LARGE);
}

TEST_CASE("an answer to nobody is dropped, a push is not", "[net][conversation]") {
  Talk talk;
  talk.open_session();
  talk.said();
  core::Reply late;
  late.ticket = {1, 99};
  late.body = core::Granted{};
  talk.conversation.answer(late);
  CHECK(talk.said().empty());
  late.ticket.request = 0;
  late.body = core::CancelRunning{};
  talk.conversation.answer(late);
  CHECK(talk.said().size() == 1);
}

TEST_CASE("a stop is said once", "[net][conversation]") {
  Talk talk;
  talk.open_session();
  talk.said();
  talk.conversation.stop();
  core::Reply stopping;
  stopping.ticket = {1, 0};
  stopping.body = core::Stopping{};
  talk.conversation.answer(stopping);
  CHECK(talk.said().size() == 1);
}

pb::Request beat(std::uint64_t id) {
  pb::Request request;
  request.set_id(id);
  request.mutable_heartbeat();
  return request;
}

TEST_CASE("an overloaded broker takes one heartbeat at a time", "[net][conversation]") {
  Talk talk;
  talk.open_session();
  talk.said();
  talk.sink.set_room(RecordingSink::Room::full);

  talk.conversation.take(beat(2).SerializeAsString());
  const auto taken = talk.sink.take_as<core::Heartbeat>();
  CHECK(taken.session == core::SessionId{7, 8});
  CHECK(talk.said().empty());
  talk.conversation.take(beat(3).SerializeAsString());
  CHECK(talk.sink.count() == 0);
  CHECK(talk.said().at(0).error().code() == pb::OVERLOADED);

  core::Reply beaten;
  beaten.ticket = taken.ticket;
  beaten.body = core::Beaten{};
  talk.conversation.answer(beaten);
  CHECK(talk.said().at(0).has_heartbeat());
  talk.conversation.take(beat(4).SerializeAsString());
  CHECK(talk.sink.count() == 1);
}

TEST_CASE("no more large answers are asked for than a client may leave unread",
          "[net][conversation]") {
  Talk talk;
  talk.open_session();
  pb::Request get;
  for (int i = 0; i < 1000; ++i) get.mutable_get_jobs()->add_ids(bytes_of(kMail));
  get.mutable_get_jobs()->set_payloads(true);
  std::uint64_t asked = 0;
  while (talk.conversation.accepts()) {
    get.set_id(++asked + 1);
    talk.conversation.take(get.SerializeAsString());
    REQUIRE(asked < 100);
  }
  constexpr std::size_t kReplyBytes = 4 << 20;
  CHECK(asked * kReplyBytes <= 4 * talk.settings.output_bytes_max);
  CHECK(asked > 2);

  core::Reply answer;
  answer.ticket = {1, 2};
  answer.body = core::JobViews{};
  talk.conversation.answer(answer);
  CHECK(talk.conversation.accepts());
}

TEST_CASE("an answer to a connection that has ended is dropped", "[net][conversation]") {
  Talk talk;
  talk.open_session();
  talk.conversation.take(beat(2).SerializeAsString());
  talk.conversation.take(beat(2).SerializeAsString());
  CHECK(talk.conversation.ended());
  talk.said();
  core::Reply beaten;
  beaten.ticket = {1, 2};
  beaten.body = core::Beaten{};
  talk.conversation.answer(beaten);
  CHECK(talk.said().empty());
  CHECK(talk.conversation.in_flight() == 0);
}

TEST_CASE("waits for whole jobs are few, as their answers may come at once",
          "[net][conversation]") {
  Talk talk;
  talk.open_session();
  talk.said();
  const auto wait = [&](std::uint64_t id, bool payloads) {
    pb::Request request;
    request.set_id(id);
    std::string job(16, '\1');
    job[6] = '\x70';
    job[8] = '\x80';
    request.mutable_wait_job()->set_id(job);
    request.mutable_wait_job()->set_payloads(payloads);
    talk.conversation.take(request.SerializeAsString());
  };
  for (std::uint64_t id = 10; id < 14; ++id) wait(id, true);
  wait(14, false);
  CHECK(talk.said().empty());

  wait(15, true);
  const auto refused = talk.said();
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].error().code() == pb::OVERLOADED);
  CHECK(talk.conversation.accepts());

  talk.conversation.stop();
  talk.said();
  CHECK(talk.conversation.in_flight() == 0);
}

constexpr std::array kRequests = {"hello",       "hello_worker", "ping",        "enqueue",
                                  "fetch",       "report",       "heartbeat",   "enqueue_per_job",
                                  "get_jobs",    "wait_job",     "queue_stats", "list_jobs",
                                  "cancel_jobs", "end_fetch"};

// A few bytes of a good request changed, added, dropped or doubled.
std::string spoiled(std::string body, std::mt19937_64& random) {
  const auto below = [&](std::size_t bound) { return random() % bound; };
  for (std::size_t times = 1 + below(4); times > 0; --times) {
    const std::size_t at = below(body.size() + 1);
    const char byte = static_cast<char>(random());
    switch (below(4)) {
      case 0:
        body.insert(at, 1, byte);
        break;
      case 1:
        body.erase(at, below(4));
        break;
      case 2:
        body.insert(at, body.substr(at, below(32)));
        break;
      default:
        if (at < body.size()) body[at] = byte;
    }
  }
  return body;
}

TEST_CASE("spoiled requests get one well-formed answer or become one command",
          "[net][conversation]") {
  constexpr std::uint64_t kSeed = 20'261'123;
  std::mt19937_64 random(kSeed);
  std::vector<std::string> bodies;
  for (const char* name : kRequests) {
    bodies.push_back(golden_body(std::string("request_") + name));
  }
  auto talk = std::make_unique<Talk>();
  talk->open_session();
  talk->said();
  for (int round = 0; round < 30'000; ++round) {
    if (!talk->conversation.accepts()) {
      talk = std::make_unique<Talk>();
      if (round % 2 == 0) talk->open_session();
      talk->said();
    }
    const std::string body = spoiled(bodies[random() % bodies.size()], random);
    INFO("seed " << kSeed << ", round " << round);
    talk->conversation.take(body);
    std::size_t answers = talk->said().size();
    for (; talk->sink.count() > 0; ++answers) talk->sink.take();
    REQUIRE(answers == 1);
  }
}

}  // namespace
}  // namespace pawl::net
