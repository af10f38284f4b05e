#include "broker/net/server.h"

#include <chrono>
#include <future>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/net/test_server.h"

namespace pawl::net {
namespace {

using core::Errc;
using std::chrono::steady_clock;

pb::Request ping(std::uint64_t id) {
  pb::Request request;
  request.set_id(id);
  request.mutable_ping();
  return request;
}

pb::Request wait_job(std::uint64_t id) {
  pb::Request request;
  request.set_id(id);
  request.mutable_wait_job()->set_id(bytes_of(kMail));
  request.mutable_wait_job()->set_max_wait_ms(60'000);
  return request;
}

pb::Request fetch(std::uint64_t id) {
  pb::Request request;
  request.set_id(id);
  request.mutable_fetch()->add_queues("mail");
  request.mutable_fetch()->set_credits(1);
  return request;
}

// A grant whose one delivery is about as large as said.
core::Granted large_grant(std::size_t bytes) {
  std::string record;
  wire::FieldWriter job(record);
  job.element(15, std::string(bytes, 'p'));
  core::Granted granted;
  granted.token = {1};
  core::Delivery& delivery = granted.deliveries.emplace_back();
  delivery.batch = kMail;
  delivery.queue = std::make_shared<const std::string>("mail");
  delivery.jobs = core::IndexSet::single(0);
  delivery.records = {core::Blob::copy_of(record)};
  return granted;
}

TEST_CASE("hello tells the time and the bounds", "[net][server]") {
  TestServer broker;
  TestClient client = broker.connect();
  client.hello();
  const pb::Reply reply = client.read_reply();
  CHECK(reply.id() == 1);
  CHECK(reply.hello().protocol_version() == 1);
  CHECK(reply.hello().server_time_ms() == kMailTime);
  CHECK(reply.hello().frame_bytes_max() == 4 << 20);
  CHECK(reply.hello().session().empty());
}

TEST_CASE("a worker's session is remembered for what it asks later", "[net][server]") {
  TestServer broker;
  TestClient client = broker.worker();
  client.send_request(fetch(2));
  const auto asked = broker.sink.take_as<core::Fetch>();
  CHECK(asked.session == core::SessionId{7, 8});
  CHECK(asked.ticket.request == 2);
}

TEST_CASE("nothing is taken while a session opens", "[net][server]") {
  TestServer broker;
  TestClient client = broker.connect();
  client.hello_worker();
  client.send_request(fetch(2));
  const auto open = broker.sink.take_as<core::OpenSession>();
  CHECK(open.worker_id == "w-1");
  CHECK(open.fresh == core::SessionId{5, 6});
  CHECK(broker.sink.count() == 0);
  broker.answer(open.ticket, core::SessionOpened{{7, 8}, {}, {}});
  CHECK(client.read_reply().hello().session() == bytes_of({7, 8}));
  CHECK(broker.sink.take_as<core::Fetch>().session == core::SessionId{7, 8});
}

TEST_CASE("a session that is refused ends the connection after the reason", "[net][server]") {
  TestServer broker;
  TestClient client = broker.connect();
  client.hello_worker();
  const auto open = broker.sink.take_as<core::OpenSession>();
  broker.answer(open.ticket, core::Refused{Errc::unavailable, "later", core::Milliseconds(5)});
  CHECK(client.read_reply().error().code() == pb::UNAVAILABLE);
  CHECK(client.at_end());
}

TEST_CASE("replies of one round reach their connections, in any order", "[net][server]") {
  TestServer broker;
  TestClient a = broker.greeted();
  TestClient b = broker.greeted();
  a.send_request(wait_job(5));
  const core::Ticket of_a = broker.sink.take_as<core::WaitJob>().ticket;
  b.send_request(wait_job(6));
  b.send_request(wait_job(7));
  const core::Ticket of_b = broker.sink.take_as<core::WaitJob>().ticket;
  broker.sink.take_as<core::WaitJob>();
  std::vector<core::Reply> replies(3);
  replies[0].ticket = {of_b.connection, 7};
  replies[1].ticket = of_a;
  replies[2].ticket = of_b;
  for (core::Reply& reply : replies) reply.body = core::Waited{};
  broker.server.deliver(std::move(replies));
  CHECK(a.read_reply().id() == 5);
  CHECK(b.read_reply().id() == 7);
  CHECK(b.read_reply().id() == 6);
}

TEST_CASE("a push comes without a request", "[net][server]") {
  TestServer broker;
  TestClient client = broker.worker();
  client.send_request(fetch(2));
  const core::Ticket ticket = broker.sink.take_as<core::Fetch>().ticket;
  broker.answer({ticket.connection, 0}, core::CancelRunning{{9}, kMail.job(3)});
  const pb::Reply push = client.read_reply();
  CHECK(push.id() == 0);
  CHECK(push.cancelled().token() == 9);
  CHECK(push.cancelled().index() == 3);
}

TEST_CASE("the engine hears of a connection that is gone", "[net][server]") {
  TestServer broker;
  TestClient client = broker.worker();
  client.send_request(fetch(2));
  const core::Ticket ticket = broker.sink.take_as<core::Fetch>().ticket;
  client.close();
  CHECK(broker.sink.take_as<core::Disconnected>().connection == ticket.connection);
}

TEST_CASE("a full inbox is answered at once, and a cut connection told when there is room",
          "[net][server]") {
  TestServer broker;
  TestClient client = broker.worker();
  broker.sink.set_room(RecordingSink::Room::full);
  client.send_request(fetch(2));
  const pb::Reply reply = client.read_reply();
  CHECK(reply.error().code() == pb::OVERLOADED);
  CHECK(reply.error().retryable());
  CHECK(reply.error().retry_after_ms() > 0);
  client.close();
  broker.sink.set_room(RecordingSink::Room::open);
  broker.sink.take_as<core::Disconnected>();
}

TEST_CASE("a client with too many requests in flight is read again after an answer",
          "[net][server]") {
  NetSettings settings = test_settings();
  settings.in_flight_max = 2;
  TestServer broker(settings);
  TestClient client = broker.greeted();
  for (std::uint64_t id = 2; id <= 4; ++id) client.send_request(wait_job(id));
  client.send_request(ping(5));
  const core::Ticket first = broker.sink.take_as<core::WaitJob>().ticket;
  broker.sink.take_as<core::WaitJob>();
  CHECK(broker.sink.count() == 0);
  broker.answer(first, core::Waited{});
  CHECK(client.read_reply().id() == 2);
  broker.answer(broker.sink.take_as<core::WaitJob>().ticket, core::Waited{});
  CHECK(client.read_reply().id() == 4);
  CHECK(client.read_reply().id() == 5);
}

TEST_CASE("more frames than a turn has are all answered", "[net][server]") {
  TestServer broker;
  TestClient client = broker.greeted();
  std::string frames;
  for (std::uint64_t id = 2; id < 1'002; ++id)
    wire::append_frame(frames, ping(id).SerializeAsString());
  client.send(frames);
  for (std::uint64_t id = 2; id < 1'002; ++id) REQUIRE(client.read_reply().id() == id);
}

TEST_CASE("a request may come byte by byte", "[net][server]") {
  TestServer broker;
  TestClient client = broker.greeted();
  std::string frame;
  wire::append_frame(frame, wait_job(2).SerializeAsString());
  for (const char byte : frame) client.send({&byte, 1});
  CHECK(broker.sink.take_as<core::WaitJob>().id == kMail);
}

TEST_CASE("a client that never reads is cut at the cap, blobs counted", "[net][server]") {
  NetSettings settings = test_settings();
  settings.output_bytes_max = 1 << 20;
  TestServer broker(settings);
  TestClient client = broker.worker();
  client.send_request(fetch(2));
  const core::Ticket first = broker.sink.take_as<core::Fetch>().ticket;
  const core::Granted grant = large_grant(1 << 20);
  // Beyond the kernel's buffers nothing leaves; the client asks for more and more and reads
  // nothing.
  for (std::uint64_t id = 2; id < 50; ++id) broker.answer({first.connection, 0}, grant);
  CHECK(broker.sink.take_as<core::Disconnected>().connection == first.connection);
}

TEST_CASE("a reply that makes no progress ends the connection", "[net][server]") {
  NetSettings settings = test_settings();
  settings.write_within = core::Milliseconds(20);
  settings.output_bytes_max = 1 << 30;
  TestServer broker(settings);
  TestClient client = broker.worker();
  client.send_request(fetch(2));
  const core::Ticket ticket = broker.sink.take_as<core::Fetch>().ticket;
  broker.answer(ticket, large_grant(32 << 20));
  CHECK(broker.sink.take_as<core::Disconnected>().connection == ticket.connection);
}

TEST_CASE("a large reply reaches a client that reads it", "[net][server]") {
  TestServer broker;
  TestClient client = broker.worker();
  client.send_request(fetch(2));
  broker.answer(broker.sink.take_as<core::Fetch>().ticket, large_grant(3 << 20));
  const pb::Reply reply = client.read_reply();
  CHECK(reply.id() == 2);
  CHECK(reply.fetch().deliveries(0).ByteSizeLong() > 3 << 20);
}

TEST_CASE("a client that was busy and idle is heard again", "[net][server]") {
  NetSettings settings = test_settings();
  settings.idle = core::Milliseconds(0);  // Every tick restarts its read.
  TestServer broker(settings);
  TestClient client = broker.greeted();
  pb::Request large;
  *large.mutable_enqueue() = enqueue_for("mail");
  large.mutable_enqueue()->add_jobs()->set_payload(std::string(1 << 20, 'x'));  // It has no type.
  for (std::uint64_t id = 2; id < 12; ++id) {
    large.set_id(id);
    client.send_request(large);
    CHECK(client.read_reply().error().code() == pb::INVALID_ARGUMENT);
    client.send_request(wait_job(100 + id));
    broker.answer(broker.sink.take_as<core::WaitJob>().ticket, core::Waited{});
    CHECK(client.read_reply().id() == 100 + id);
  }
}

TEST_CASE("a reply over a frame becomes too_large", "[net][server]") {
  TestServer broker;
  TestClient client = broker.greeted();
  pb::Request request;
  request.set_id(2);
  request.mutable_get_jobs()->add_ids(bytes_of(kMail));
  client.send_request(request);
  core::JobViews views;
  views.jobs.resize(5);
  for (core::JobView& view : views.jobs)
    view.result = core::Blob::copy_of(std::string(1 << 20, 'r'));
  broker.answer(broker.sink.take_as<core::GetJobs>().ticket, views);
  const pb::Reply reply = client.read_reply();
  CHECK(reply.id() == 2);
  CHECK(reply.error().code() == pb::TOO_LARGE);
}

TEST_CASE("an enqueue of which every job is refused is answered without the engine",
          "[net][server]") {
  TestServer broker;
  TestClient client = broker.greeted();
  pb::Request request;
  request.set_id(2);
  *request.mutable_enqueue() = enqueue_for("mail");
  request.mutable_enqueue()->set_mode(pb::Enqueue::PER_JOB);
  request.mutable_enqueue()->add_jobs();
  client.send_request(request);
  const pb::Reply reply = client.read_reply();
  REQUIRE(reply.enqueue().refused_size() == 1);
  CHECK(reply.enqueue().refused(0).code() == pb::INVALID_ARGUMENT);
  CHECK(broker.sink.count() == 0);
}

TEST_CASE("beyond the caps a connection is told so and closed", "[net][server]") {
  NetSettings settings = test_settings();
  SECTION("of all connections") {
    settings.connections_max = 1;
    TestServer broker(settings);
    const TestClient first = broker.greeted();
    TestClient second = broker.connect();
    CHECK(second.read_reply().error().code() == pb::OVERLOADED);
    CHECK(second.at_end());
  }
  SECTION("of those before hello") {
    settings.fresh_max = 1;
    TestServer broker(settings);
    const TestClient greeted = broker.greeted();  // Does not count any more.
    TestClient fresh = broker.connect();
    TestClient second = broker.connect();
    CHECK(second.read_reply().error().code() == pb::OVERLOADED);
    fresh.hello();
    CHECK(fresh.read_reply().has_hello());
  }
}

TEST_CASE("when clients hold too much together the fattest are told so and cut", "[net][server]") {
  NetSettings settings = test_settings();
  settings.client_bytes_max = 3 << 20;
  TestServer broker(settings);
  TestClient small = broker.greeted();
  TestClient middle = broker.greeted();
  middle.send(std::string("\x00\x3f\xff\xff", 4) + std::string(100'000, 'x'));
  TestClient fat = broker.greeted();
  fat.send(std::string("\x00\x3f\xff\xff", 4) + std::string(3 << 20, 'x'));
  CHECK(fat.read_reply().error().code() == pb::OVERLOADED);
  fat.close();
  small.send_request(ping(2));
  CHECK(small.read_reply().has_ping());
}

TEST_CASE("an address that is in use is told in a sentence", "[net][server]") {
  TestServer broker;
  NetSettings settings = test_settings();
  settings.port = broker.server.endpoint().port();
  const std::string expected = fmt::format(
      "cannot listen on 127.0.0.1:{}: address already in use; is another broker running? Choose "
      "another address with --listen",
      settings.port);
  CHECK_THROWS_WITH(TestServer(settings), expected);
}

TEST_CASE("several I/O threads share the connections", "[net][server]") {
  NetSettings settings = test_settings();
  settings.threads = 3;
  TestServer broker(settings);
  std::vector<TestClient> clients;
  for (int i = 0; i < 7; ++i) clients.push_back(broker.greeted());
  std::vector<core::Reply> replies;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i].send_request(wait_job(i + 10));
    core::Reply& reply = replies.emplace_back();
    reply.ticket = broker.sink.take_as<core::WaitJob>().ticket;
    reply.body = core::Waited{};
  }
  broker.server.deliver(std::move(replies));
  for (std::size_t i = 0; i < clients.size(); ++i) CHECK(clients[i].read_reply().id() == i + 10);
}

TEST_CASE("draining tells the clients, ends their waits and finishes the rest", "[net][server]") {
  TestServer broker;
  TestClient client = broker.worker();
  client.send_request(wait_job(2));
  broker.sink.take_as<core::WaitJob>();
  client.send_request(fetch(3));
  const core::Ticket parked = broker.sink.take_as<core::Fetch>().ticket;

  auto drained = std::async(std::launch::async, [&] {
    return broker.server.drain(steady_clock::now() + std::chrono::seconds(20));
  });
  CHECK(client.read_reply().has_stop());
  const pb::Reply waited = client.read_reply();
  CHECK(waited.id() == 2);
  CHECK(waited.error().code() == pb::UNAVAILABLE);
  client.send_request(fetch(4));
  CHECK(client.read_reply().error().code() == pb::UNAVAILABLE);
  broker.answer(parked, core::Granted{});
  CHECK(client.read_reply().has_fetch());
  CHECK(drained.get());
  broker.server.finish();
  CHECK(client.at_end());
}

TEST_CASE("draining gives up at its deadline", "[net][server]") {
  TestServer broker;
  TestClient client = broker.worker();
  client.send_request(fetch(3));
  broker.sink.take_as<core::Fetch>();
  CHECK_FALSE(broker.server.drain(steady_clock::now()));
}

}  // namespace
}  // namespace pawl::net
