#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/client/support/fake_broker.h"
#include <pawl/client.h>

namespace pawl {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::ip::tcp;

// A broker behind a narrow link: it reads a little every now and then, and answers at the end.
class SlowReader {
 public:
  SlowReader() : acceptor_(context_) {
    acceptor_.open(tcp::v4());
    acceptor_.set_option(asio::socket_base::receive_buffer_size(64 * 1024));
    acceptor_.bind({asio::ip::address_v4::loopback(), 0});
    acceptor_.listen();
    accept();
    thread_ = std::thread([this] { context_.run(); });
  }
  ~SlowReader() {
    context_.stop();
    thread_.join();
  }

  std::string url() const {
    return "pawl://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }
  int connections() const { return connections_; }

 private:
  struct Peer {
    explicit Peer(tcp::socket connected) : socket(std::move(connected)) {}
    tcp::socket socket;
    asio::steady_timer timer{socket.get_executor()};
    wire::FrameReader reader{std::size_t{16} << 20};
  };

  void accept() {
    acceptor_.async_accept([this](boost::system::error_code failure, tcp::socket socket) {
      if (failure) return;
      ++connections_;
      read(std::make_shared<Peer>(std::move(socket)));
      accept();
    });
  }

  void read(const std::shared_ptr<Peer>& peer) {
    const auto space = peer->reader.prepare(16 * 1024);
    peer->socket.async_read_some(
        asio::buffer(space.data(), space.size()),
        [this, peer](boost::system::error_code failure, std::size_t bytes) {
          if (failure) return;
          peer->reader.commit(bytes);
          while (const auto body = peer->reader.next()) answer(*peer, *body);
          peer->timer.expires_after(20ms);
          peer->timer.async_wait([this, peer](boost::system::error_code) { read(peer); });
        });
  }

  static void answer(Peer& peer, std::string_view body) {
    pb::Request request;
    if (!request.ParseFromArray(body.data(), static_cast<int>(body.size()))) return;
    pb::Reply reply;
    reply.set_id(request.id());
    if (request.has_hello()) reply.mutable_hello()->set_frame_bytes_max(4 << 20);
    if (request.has_ping()) reply.mutable_ping();
    if (request.has_enqueue()) reply.mutable_enqueue();
    std::string out;
    wire::append_frame(out, reply.SerializeAsString());
    boost::system::error_code ignored;
    asio::write(peer.socket, asio::buffer(out), ignored);
  }

  asio::io_context context_{1};
  tcp::acceptor acceptor_;
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

TEST_CASE("a large request gets through a link that is slower than the silence limit",
          "[client][connection]") {
  SlowReader broker;
  Client client(ClientOptions().url(broker.url()).silence_limit(300ms).reconnect_backoff(1ms, 5ms));
  const std::vector<Job> jobs(2, Job("t", std::string(1'000'000, 'x')));
  const auto enqueued = client.enqueue_many(jobs, BatchMode::per_job, 1min);
  CHECK(enqueued.at(1).accepted());
  CHECK(broker.connections() == 1);
}

}  // namespace
}  // namespace pawl
