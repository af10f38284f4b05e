// The rows of the bad-input table that concern TCP: each is sent to a real listener, each gets its
// answer, and no command comes of it.

#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/net/test_server.h"

namespace pawl::net {
namespace {

// Who says it: somebody new, a client, a worker.
enum class Who { fresh, client, worker };
// What becomes of the connection.
enum class Then { stays, closes };

struct Row {
  const char* what;
  Who who;
  std::string bytes;
  pb::Code code;
  Then then;
  std::uint64_t id = 9;  // Of the reply.
};

std::string framed(const std::string& body) {
  std::string frame;
  wire::append_frame(frame, body);
  return frame;
}

std::string hex(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// A request with id 9 and the bytes as its operation.
std::string operation(std::uint32_t field, const std::string& message) {
  std::string body;
  wire::FieldWriter writer(body);
  writer.number(1, 9);
  writer.element(field, message);
  return framed(body);
}

template <class Fill>
std::string request(const Fill& fill) {
  pb::Request request;
  request.set_id(9);
  fill(request);
  return framed(request.SerializeAsString());
}

std::string nested(int depth) {
  std::string message;
  for (int i = 0; i < depth; ++i) {
    std::string outer;
    wire::FieldWriter(outer).element(11, message);
    message = outer;
  }
  return message;
}

std::string enqueue_with(const std::string& job) {
  pb::Enqueue enqueue = enqueue_for("mail");
  enqueue.mutable_defaults()->set_type("t");
  std::string message = enqueue.SerializeAsString();
  wire::FieldWriter(message).element(15, job);
  return operation(4, message);
}

std::string hello_of(std::size_t name_bytes) {
  return request([&](pb::Request& r) {
    r.mutable_hello()->set_protocol_version(1);
    r.mutable_hello()->set_credentials(std::string(name_bytes, 'c'));
  });
}

std::vector<Row> stream_rows() {
  return {
      {"length 0 before hello", Who::fresh, hex("00000000"), pb::INVALID_ARGUMENT, Then::closes, 0},
      {"length 0 after hello", Who::client, hex("00000000"), pb::INVALID_ARGUMENT, Then::closes, 0},
      {"64 KiB and a byte announced before hello", Who::fresh, hex("00010001"), pb::TOO_LARGE,
       Then::closes, 0},
      {"4 GiB announced before hello", Who::fresh, hex("ffffffff"), pb::TOO_LARGE, Then::closes, 0},
      {"over the frame's bound after hello", Who::client, hex("00400001"), pb::TOO_LARGE,
       Then::closes, 0},
      {"an oversized body that is a request again", Who::client,
       hex("00400001") + request([](pb::Request& r) { r.mutable_heartbeat(); }), pb::TOO_LARGE,
       Then::closes, 0},
      {"HTTP before hello", Who::fresh, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", pb::TOO_LARGE,
       Then::closes, 0},
      {"a hello over 8 KiB without held jobs", Who::fresh,
       framed(hello_of(0).substr(4) + std::string("\x32\x80\x40", 3) + std::string(8192, '\0')),
       pb::INVALID_ARGUMENT, Then::closes},
      {"garbage as the first frame", Who::fresh, framed("\xff\xff\xff"), pb::INVALID_ARGUMENT,
       Then::closes, 0},
      {"a command before hello", Who::fresh, request([](pb::Request& r) { r.mutable_ping(); }),
       pb::UNAUTHENTICATED, Then::closes},
      {"a protocol version of the future", Who::fresh,
       request([](pb::Request& r) { r.mutable_hello()->set_protocol_version(2); }), pb::UNSUPPORTED,
       Then::closes},
      {"no protocol version", Who::fresh, request([](pb::Request& r) { r.mutable_hello(); }),
       pb::INVALID_ARGUMENT, Then::closes},
      {"credentials of 1 MB", Who::fresh, hello_of(1 << 20), pb::TOO_LARGE, Then::closes, 0},
      {"credentials of 5 KB", Who::fresh, hello_of(5000), pb::TOO_LARGE, Then::closes},
      {"a second hello", Who::client,
       request([](pb::Request& r) { r.mutable_hello()->set_protocol_version(1); }),
       pb::INVALID_ARGUMENT, Then::closes},
  };
}

std::vector<Row> message_rows() {
  using Request = pb::Request;
  return {
      {"bytes that are no message", Who::client, framed(hex("0809ffff")), pb::INVALID_ARGUMENT,
       Then::stays},
      {"an operation cut short", Who::client, framed(hex("0809421010")), pb::INVALID_ARGUMENT,
       Then::stays},
      {"no operation", Who::client, framed(hex("0809")), pb::INVALID_ARGUMENT, Then::stays},
      {"two operations", Who::client, framed(hex("08091a003a00")), pb::INVALID_ARGUMENT,
       Then::stays},
      {"an operation of the future", Who::client, operation(500, ""), pb::UNSUPPORTED, Then::stays},
      {"no request id", Who::client, framed(hex("1a00")), pb::INVALID_ARGUMENT, Then::stays, 0},
      {"the id as text", Who::client, framed(hex("0a01391a00")), pb::INVALID_ARGUMENT, Then::stays,
       0},
      {"an operation with a wrong wire type", Who::client, framed(hex("08092001")),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a group", Who::client, framed(hex("08091a020b0c")), pb::INVALID_ARGUMENT, Then::stays},
      {"a varint of eleven bytes", Who::client, operation(9, hex("10ffffffffffffffffffff01")),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an overlong varint", Who::client, operation(9, hex("10800000")), pb::INVALID_ARGUMENT,
       Then::stays},
      {"a length beyond the end", Who::client, operation(9, hex("0aff")), pb::INVALID_ARGUMENT,
       Then::stays},
      {"deep nesting, which is an unknown field to us", Who::client, enqueue_with(nested(2000)),
       pb::INVALID_ARGUMENT, Then::stays},
      {"over 4 KiB of unknown fields", Who::client, enqueue_with([] {
         std::string job;
         wire::FieldWriter(job).element(99, std::string(4096, 'u'));
         return job;
       }()),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a queue that is no UTF-8", Who::client, operation(10, hex("1201ff1803")),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an unknown state", Who::client, request([](Request& r) {
         r.mutable_list_jobs()->set_queue("q");
         r.mutable_list_jobs()->set_state(static_cast<pb::State>(77));
       }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"no state", Who::client, request([](Request& r) { r.mutable_list_jobs()->set_queue("q"); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a queue named ..", Who::client,
       request([](Request& r) { r.mutable_queue_stats()->add_queues("../.."); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a queue with CRLF", Who::client,
       request([](Request& r) { r.mutable_queue_stats()->add_queues("a\r\nb"); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a queue of 1 MB", Who::client,
       request([](Request& r) { r.mutable_queue_stats()->add_queues(std::string(1 << 20, 'q')); }),
       pb::TOO_LARGE, Then::stays},
      {"10,001 ids", Who::client, request([](Request& r) {
         for (int i = 0; i < 10'001; ++i) r.mutable_get_jobs()->add_ids(bytes_of(kMail));
       }),
       pb::TOO_LARGE, Then::stays},
      {"no ids", Who::client, request([](Request& r) { r.mutable_cancel_jobs(); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an id of 15 bytes", Who::client,
       request([](Request& r) { r.mutable_get_jobs()->add_ids(std::string(15, 'x')); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an id that is no UUIDv7", Who::client,
       request([](Request& r) { r.mutable_wait_job()->set_id(std::string(16, 'x')); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a wait at its integer's limit", Who::client, request([](Request& r) {
         r.mutable_wait_job()->set_id(bytes_of(kMail));
         r.mutable_wait_job()->set_max_wait_ms(UINT32_MAX);
       }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a fetch without a session", Who::client, request([](Request& r) {
         r.mutable_fetch()->add_queues("q");
         r.mutable_fetch()->set_credits(1);
       }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a report without a session", Who::client, request([](Request& r) { r.mutable_report(); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a heartbeat without a session", Who::client,
       request([](Request& r) { r.mutable_heartbeat(); }), pb::INVALID_ARGUMENT, Then::stays},
      {"an end of fetches without a session", Who::client,
       request([](Request& r) { r.mutable_end_fetch(); }), pb::INVALID_ARGUMENT, Then::stays},
  };
}

pb::Outcome& outcome_of(pb::Request& request) {
  pb::Outcome& outcome = *request.mutable_report()->add_outcomes();
  outcome.set_token(1);
  outcome.set_batch_id(bytes_of(kMail));
  outcome.add_index(0);
  outcome.set_kind(pb::Outcome::COMPLETE);
  return outcome;
}

std::vector<Row> worker_rows() {
  using Request = pb::Request;
  const auto fetch = [](const auto& spoil) {
    return request([&](Request& r) {
      r.mutable_fetch()->add_queues("q");
      r.mutable_fetch()->set_credits(1);
      spoil(*r.mutable_fetch());
    });
  };
  const auto report = [](const auto& spoil) {
    return request([&](Request& r) { spoil(outcome_of(r)); });
  };
  return {
      {"a fetch of no queue", Who::worker, fetch([](pb::Fetch& f) { f.clear_queues(); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a fetch of 65 queues", Who::worker, fetch([](pb::Fetch& f) {
         for (int i = 0; i < 65; ++i) f.add_queues("q" + std::to_string(i));
       }),
       pb::TOO_LARGE, Then::stays},
      {"a fetch of 257 types", Who::worker, fetch([](pb::Fetch& f) {
         for (int i = 0; i < 257; ++i) f.add_types("t");
       }),
       pb::TOO_LARGE, Then::stays},
      {"no credits", Who::worker, fetch([](pb::Fetch& f) { f.set_credits(0); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"credits at their integer's limit", Who::worker,
       fetch([](pb::Fetch& f) { f.set_credits(UINT32_MAX); }), pb::INVALID_ARGUMENT, Then::stays},
      {"a wait of an hour", Who::worker, fetch([](pb::Fetch& f) { f.set_max_wait_ms(3'600'000); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an empty report", Who::worker, request([](Request& r) { r.mutable_report(); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"1001 outcomes", Who::worker, request([](Request& r) {
         for (int i = 0; i < 1001; ++i) outcome_of(r);
       }),
       pb::TOO_LARGE, Then::stays},
      {"an outcome without a kind", Who::worker, report([](pb::Outcome& o) { o.clear_kind(); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an outcome of unknown kind", Who::worker,
       report([](pb::Outcome& o) { o.set_kind(static_cast<pb::Outcome::Kind>(5)); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an outcome without jobs", Who::worker, report([](pb::Outcome& o) { o.clear_index(); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an index beyond a batch", Who::worker, report([](pb::Outcome& o) { o.add_index(1000); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an index at its integer's limit", Who::worker,
       report([](pb::Outcome& o) { o.add_index(UINT32_MAX); }), pb::INVALID_ARGUMENT, Then::stays},
      {"a result over 1 MiB", Who::worker,
       report([](pb::Outcome& o) { o.set_result(std::string((1 << 20) + 1, 'r')); }), pb::TOO_LARGE,
       Then::stays},
      {"a result of a failure", Who::worker, report([](pb::Outcome& o) {
         o.set_kind(pb::Outcome::FAIL);
         o.set_result("r");
       }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a failure of a success", Who::worker, report([](pb::Outcome& o) { o.mutable_failure(); }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"an error message over 4 KiB", Who::worker, report([](pb::Outcome& o) {
         o.set_kind(pb::Outcome::FAIL);
         o.mutable_failure()->set_message(std::string(4097, 'm'));
       }),
       pb::TOO_LARGE, Then::stays},
      {"an error class with a line feed", Who::worker, report([](pb::Outcome& o) {
         o.set_kind(pb::Outcome::FAIL);
         o.mutable_failure()->set_error_class("a\nb");
       }),
       pb::INVALID_ARGUMENT, Then::stays},
      {"a batch id with an index", Who::worker,
       report([](pb::Outcome& o) { o.set_batch_id(bytes_of(kMail.job(1))); }), pb::INVALID_ARGUMENT,
       Then::stays},
  };
}

void check(TestServer& broker, const Row& row) {
  TestClient client = row.who == Who::fresh    ? broker.connect()
                      : row.who == Who::client ? broker.greeted()
                                               : broker.worker();
  client.send(row.bytes);
  const pb::Reply reply = client.read_reply();
  CHECK(pb::Code_Name(reply.error().code()) == pb::Code_Name(row.code));
  CHECK_FALSE(reply.error().message().empty());
  CHECK(reply.id() == row.id);
  if (row.then == Then::closes) {
    CHECK(client.at_end());
  } else {
    client.send(request([](pb::Request& r) { r.mutable_ping(); }));
    CHECK(client.read_reply().has_ping());
  }
  client.close();
}

void check_all(const std::vector<Row>& rows) {
  TestServer broker;
  for (const Row& row : rows) {
    INFO(row.what);
    check(broker, row);
    // A worker that leaves is the only thing that the engine hears.
    if (row.who == Who::worker) broker.sink.take_as<core::Disconnected>();
    CHECK(broker.sink.count() == 0);
  }
}

TEST_CASE("bad streams and beginnings are answered once and closed", "[net][bad_input]") {
  check_all(stream_rows());
}
TEST_CASE("bad requests are answered and the connection stays", "[net][bad_input]") {
  check_all(message_rows());
}
TEST_CASE("bad requests of workers are answered and the session stays", "[net][bad_input]") {
  check_all(worker_rows());
}

TEST_CASE("a request id that is in flight is not taken again", "[net][bad_input]") {
  TestServer broker;
  TestClient client = broker.greeted();
  const std::string wait =
      request([](pb::Request& r) { r.mutable_wait_job()->set_id(bytes_of(kMail)); });
  client.send(wait + wait);
  CHECK(client.read_reply().error().code() == pb::INVALID_ARGUMENT);
  CHECK(client.at_end());
}

TEST_CASE("a hello that does not come ends the connection", "[net][bad_input]") {
  NetSettings settings = test_settings();
  settings.hello_within = core::Milliseconds(20);
  TestServer broker(settings);
  TestClient silent = broker.connect();
  TestClient slow = broker.connect();
  slow.send(hex("000000"));
  CHECK(silent.at_end());
  CHECK(slow.at_end());
}

TEST_CASE("an announced frame of which the bytes are withheld ends the connection",
          "[net][bad_input]") {
  NetSettings settings = test_settings();
  settings.frame_within = core::Milliseconds(20);
  TestServer broker(settings);
  TestClient client = broker.greeted();
  client.send(hex("003fffff") + "only this");
  CHECK(client.at_end());
}

TEST_CASE("a client that is silent between frames is left alone", "[net][bad_input]") {
  NetSettings settings = test_settings();
  settings.frame_within = settings.hello_within = settings.write_within = core::Milliseconds(1);
  settings.hello_within = core::Milliseconds(10'000);
  TestServer broker(settings);
  TestClient silent = broker.greeted();
  TestClient cut = broker.greeted();
  cut.send(hex("0000"));
  CHECK(cut.at_end());  // So the deadline has been looked at.
  silent.send(request([](pb::Request& r) { r.mutable_ping(); }));
  CHECK(silent.read_reply().has_ping());
}

}  // namespace
}  // namespace pawl::net
