#include <string>
#include <string_view>
#include <vector>

#include "tests/net/bad_input.h"

namespace pawl::net {
namespace {

template <class Fill>
std::string hello_with(const Fill& fill) {
  return request([&](pb::Request& r) {
    r.mutable_hello()->set_protocol_version(1);
    fill(*r.mutable_hello());
  });
}

template <class Fill>
std::string worker_with(const Fill& fill) {
  return hello_with([&](pb::Hello& hello) { fill(*hello.mutable_worker()); });
}

// With a field as generated code would not write it.
std::string hello_raw(std::uint32_t field, std::string_view bytes) {
  pb::Hello hello;
  hello.set_protocol_version(1);
  std::string message = hello.SerializeAsString();
  wire::FieldWriter(message).element(field, bytes);
  return operation(2, message);
}
std::string worker_raw(std::uint32_t field, std::string_view bytes) {
  std::string worker;
  wire::FieldWriter(worker).element(field, bytes);
  return hello_raw(6, worker);
}

pb::Held& hold(pb::WorkerHello& worker) {
  pb::Held& held = *worker.add_held();
  held.set_token(1);
  held.set_batch_id(bytes_of(kMail));
  held.add_index(0);
  return held;
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
      {"a hello over 8 KiB without held jobs", Who::fresh, hello_with([](pb::Hello& h) {
         for (int i = 0; i < 64; ++i) h.add_features(std::string(128, 'f'));
       }),
       pb::TOO_LARGE, Then::closes},
      {"20 KiB that are no hello", Who::fresh, request([](pb::Request& r) {
         for (int i = 0; i < 1000; ++i) r.mutable_get_jobs()->add_ids(bytes_of(kMail));
       }),
       pb::UNAUTHENTICATED, Then::closes},
      {"60 KiB of garbage", Who::fresh, framed(std::string(60 << 10, '\xff')), pb::INVALID_ARGUMENT,
       Then::closes, 0},
      {"65 features", Who::fresh, hello_with([](pb::Hello& h) {
         for (int i = 0; i < 65; ++i) h.add_features("f");
       }),
       pb::TOO_LARGE, Then::closes},
      {"a client name that is no UTF-8", Who::fresh, hello_raw(2, "\xff"), pb::INVALID_ARGUMENT,
       Then::closes},
      {"a client name with a line feed", Who::fresh, hello_raw(2, "a\nb"), pb::INVALID_ARGUMENT,
       Then::closes},
      {"a client name with a control character beyond ASCII", Who::fresh, hello_raw(2, "a\xc2\x9b"),
       pb::INVALID_ARGUMENT, Then::closes},
      {"4 KiB of unknown fields in a hello", Who::fresh, hello_raw(99, std::string(4096, 'u')),
       pb::INVALID_ARGUMENT, Then::closes},
      {"a worker id that is no UTF-8", Who::fresh, worker_raw(1, "\xff"), pb::INVALID_ARGUMENT,
       Then::closes},
      {"a worker id with CRLF", Who::fresh, worker_raw(1, "a\r\nb"), pb::INVALID_ARGUMENT,
       Then::closes},
      {"a worker id named ..", Who::fresh, worker_raw(1, "../.."), pb::INVALID_ARGUMENT,
       Then::closes},
      {"a worker id of 129 bytes", Who::fresh, worker_raw(1, std::string(129, 'w')), pb::TOO_LARGE,
       Then::closes},
      {"a host that is no UTF-8", Who::fresh, worker_raw(2, "\xff"), pb::INVALID_ARGUMENT,
       Then::closes},
      {"a host with an escape", Who::fresh, worker_raw(2, "\x1b[31m"), pb::INVALID_ARGUMENT,
       Then::closes},
      {"a session of 15 bytes", Who::fresh, worker_raw(4, std::string(15, 's')),
       pb::INVALID_ARGUMENT, Then::closes},
      {"held without a session", Who::fresh, worker_with([](pb::WorkerHello& w) { hold(w); }),
       pb::INVALID_ARGUMENT, Then::closes},
      {"held of no job", Who::fresh, worker_with([](pb::WorkerHello& w) {
         w.set_resume_session(std::string(16, 's'));
         hold(w).clear_index();
       }),
       pb::INVALID_ARGUMENT, Then::closes},
      {"held of 1001 jobs", Who::fresh, worker_with([](pb::WorkerHello& w) {
         w.set_resume_session(std::string(16, 's'));
         pb::Held& held = hold(w);
         for (int i = 0; i < 1000; ++i) held.add_index(0);
       }),
       pb::TOO_LARGE, Then::closes},
      {"garbage as the first frame", Who::fresh, framed("\xff\xff\xff"), pb::INVALID_ARGUMENT,
       Then::closes, 0},
      {"a command before hello", Who::fresh, request([](pb::Request& r) { r.mutable_ping(); }),
       pb::UNAUTHENTICATED, Then::closes},
      {"a protocol version of the future", Who::fresh,
       request([](pb::Request& r) { r.mutable_hello()->set_protocol_version(2); }), pb::UNSUPPORTED,
       Then::closes},
      {"no protocol version", Who::fresh, request([](pb::Request& r) { r.mutable_hello(); }),
       pb::INVALID_ARGUMENT, Then::closes},
      {"credentials of 1 MB", Who::fresh, hello_raw(4, std::string(1 << 20, 'c')), pb::TOO_LARGE,
       Then::closes, 0},
      {"credentials of 5 KB", Who::fresh, hello_raw(4, std::string(5000, 'c')), pb::TOO_LARGE,
       Then::closes},
      {"a second hello", Who::client,
       request([](pb::Request& r) { r.mutable_hello()->set_protocol_version(1); }),
       pb::INVALID_ARGUMENT, Then::closes},
  };
}

TEST_CASE("bad streams and beginnings are answered once and closed", "[net][bad_input]") {
  check_all(stream_rows());
}
TEST_CASE("credentials may be any bytes", "[net][bad_input]") {
  TestServer broker;
  TestClient client = broker.connect();
  client.send(hello_raw(4, std::string("\0secret\0\xff", 9)));
  CHECK(client.read_reply().hello().protocol_version() == 1);
}

TEST_CASE("a worker may go without a name", "[net][bad_input]") {
  TestServer broker;
  TestClient client = broker.connect();
  client.send(worker_raw(1, ""));
  CHECK(broker.sink.take_as<core::OpenSession>().worker_id.empty());
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
