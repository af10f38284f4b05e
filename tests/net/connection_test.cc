// One connection on a loop that the test turns, with times that the test makes up.

#include "broker/net/connection.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include "tests/net/test_server.h"

namespace pawl::net {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

std::string framed(const pb::Request& request) {
  std::string frame;
  wire::append_frame(frame, request.SerializeAsString());
  return frame;
}

pb::Request wait_job(std::uint64_t id) {
  pb::Request request;
  request.set_id(id);
  request.mutable_wait_job()->set_id(bytes_of(kMail));
  return request;
}

core::Granted grant_of(std::size_t bytes) {
  core::Granted granted;
  core::Delivery& delivery = granted.deliveries.emplace_back();
  delivery.batch = kMail;
  delivery.queue = std::make_shared<const std::string>("mail");
  delivery.records = {core::Blob::copy_of(std::string(bytes, 'p'))};
  return granted;
}

struct Owner final : ConnectionOwner {
  void on_closed(Connection&) override { ++closed; }
  void on_crowded() override { ++crowded; }
  int closed = 0;
  int crowded = 0;
};

// A greeted client and its connection. REQUIRES: `settings` stays.
struct Pair {
  explicit Pair(NetSettings with = test_settings()) : settings(std::move(with)) {
    asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    client.emplace(acceptor.local_endpoint());
    Arrival arrival{acceptor.accept(), 1, asio::ip::address_v4::loopback()};
    ++counts.all;
    REQUIRE(counts.fresh.take(arrival.peer, 512));
    connection = std::make_shared<Connection>(
        std::move(arrival), Connection::Surroundings{services, settings, counts, owner});
    connection->start(start);
    client->hello();
    turn_until([&] { return connection->conversation().greeted(); });
    client->read_reply();
  }
  ~Pair() {
    connection->close("the test is over");
    context.restart();
    context.poll();
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  // Runs what is ready until it is so.
  template <class Done>
  void turn_until(const Done& done) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!done()) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      context.restart();
      context.run_one_for(10ms);
    }
  }
  void turn() {
    context.restart();
    context.poll();
  }
  void tick(std::chrono::milliseconds after) { connection->tick(start + after); }
  void answer(std::size_t bytes) {
    core::Reply push;
    push.ticket = {1, 0};
    push.body = grant_of(bytes);
    connection->answer(push);
  }

  const Connection::Clock::time_point start = Connection::Clock::now();
  NetSettings settings;
  RecordingSink sink;
  Services services{sink,
                    [] {
                      return core::Now{core::timestamp_from_ms(kMailTime), {}};
                    },
                    [] {
                      return core::SessionId{5, 6};
                    }};
  ConnectionCounts counts;
  Owner owner;
  asio::io_context context{1};
  std::shared_ptr<Connection> connection;
  std::optional<TestClient> client;
};

TEST_CASE("a client that completes frames is not cut for the next one's missing rest",
          "[net][connection]") {
  NetSettings settings = test_settings();
  settings.frame_within = 20ms;
  settings.in_flight_max = 1000;
  Pair pair(settings);
  pair.client->send(framed(wait_job(2)).substr(0, 5));
  for (std::uint64_t id = 2; id < 100; ++id) {
    // The rest of a frame and the front of the next: the buffer is never empty.
    pair.client->send(framed(wait_job(id)).substr(5) + framed(wait_job(id + 1)).substr(0, 5));
    pair.turn_until([&] { return pair.sink.count() == id - 1; });
    pair.tick(5ms * id);
    REQUIRE(pair.owner.closed == 0);
  }
  // Now it stops in the midst of one.
  pair.tick(5ms * 99 + 19ms);
  CHECK(pair.owner.closed == 0);
  pair.tick(5ms * 99 + 20ms);
  CHECK(pair.owner.closed == 1);
}

TEST_CASE("several large replies at once reach a client that reads", "[net][connection]") {
  Pair pair;
  for (int i = 0; i < 6; ++i) pair.answer(3 << 20);
  pair.connection->proceed();
  REQUIRE(pair.owner.closed == 0);
  CHECK(pair.connection->conversation().output().bytes() > pair.settings.output_bytes_max);
  CHECK(pair.counts.held_bytes > pair.settings.output_bytes_max);

  auto& socket = pair.client->socket();
  socket.non_blocking(true);
  std::string page(1 << 16, '\0');
  std::size_t got = 0;
  std::chrono::milliseconds now{0};
  pair.turn_until([&] {
    boost::system::error_code none;
    got += socket.read_some(asio::buffer(page), none);
    pair.tick(now += 1ms);
    return pair.connection->conversation().output().empty() || pair.owner.closed > 0;
  });
  CHECK(pair.owner.closed == 0);
}

TEST_CASE("many unread replies are given less time than few", "[net][connection]") {
  Pair pair;
  const auto count = GENERATE(2, 8);
  for (int i = 0; i < count; ++i) pair.answer(3 << 20);
  pair.connection->proceed();
  pair.tick(1s);  // What the kernel took was progress.
  pair.tick(3s + 999ms);
  CHECK(pair.owner.closed == 0);
  pair.tick(4s);
  CHECK(pair.owner.closed == (count == 8 ? 1 : 0));
  pair.tick(11s);
  CHECK(pair.owner.closed == 1);
}

TEST_CASE("unread replies beyond four times the bound end the connection at once",
          "[net][connection]") {
  Pair pair;
  for (int i = 0; i < 14; ++i) pair.answer(3 << 20);
  pair.connection->proceed();
  CHECK(pair.owner.closed == 1);
  CHECK(pair.counts.held_bytes == 0);
}

TEST_CASE("a client that leaves while nothing is read of it is noticed", "[net][connection]") {
  NetSettings settings = test_settings();
  settings.in_flight_max = 1;
  Pair pair(settings);
  pair.client->send(framed(wait_job(2)) + framed(wait_job(3)));
  pair.turn_until([&] { return pair.sink.count() == 1; });
  pair.tick(1s);
  pair.tick(2s);
  CHECK(pair.owner.closed == 0);
  pair.client->close();
  pair.tick(3s);
  pair.tick(4s);
  CHECK(pair.owner.closed == 1);
}

TEST_CASE("what a connection holds is counted and given back", "[net][connection]") {
  NetSettings settings = test_settings();
  settings.client_bytes_max = 1 << 20;
  Pair pair(settings);
  CHECK(pair.owner.crowded == 0);
  const std::size_t before = pair.counts.held_bytes;
  CHECK(before > 0);
  pair.client->send(std::string("\x00\x3f\xff\xff", 4) + std::string(1 << 20, 'x'));
  pair.turn_until([&] { return pair.owner.crowded > 0; });
  CHECK(pair.connection->held_bytes() == pair.counts.held_bytes);
  CHECK(pair.counts.held_bytes >= 1 << 20);

  pair.connection->shed();
  CHECK(pair.connection->held_bytes() < 1 << 10);
  pair.turn();
  const pb::Reply reply = pair.client->read_reply();
  CHECK(reply.id() == 0);
  CHECK(reply.error().code() == pb::OVERLOADED);
  CHECK(reply.error().retry_after_ms() > 0);
  pair.client->close();
  pair.turn_until([&] { return pair.owner.closed == 1; });
  CHECK(pair.counts.held_bytes == 0);
  CHECK(pair.counts.all == 0);
}

}  // namespace
}  // namespace pawl::net
