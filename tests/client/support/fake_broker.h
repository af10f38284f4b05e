#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio.hpp>

#include "proto/frame.h"
#include "proto/pawl.pb.h"

namespace pawl::test {

// A broker of a few lines on a port of the kernel's choice: it greets, and leaves every other
// request to the script. The script runs on the broker's thread; so does what in_broker() is given.
class FakeBroker {
 public:
  // One connection. A test may hold it longer than the broker.
  class Peer {
   public:
    Peer(std::shared_ptr<boost::asio::io_context> context, boost::asio::ip::tcp::socket socket,
         int number)
        : context_(std::move(context)), socket_(std::move(socket)), number_(number) {}

    int number() const { return number_; }  // The first connection is 1.

    void send(const pb::Reply& reply) {
      std::string out;
      wire::append_frame(out, reply.SerializeAsString());
      send_bytes(out);
    }
    void send_bytes(const std::string& bytes) {
      boost::system::error_code ignored;
      boost::asio::write(socket_, boost::asio::buffer(bytes), ignored);
    }
    auto executor() { return socket_.get_executor(); }
    void cut() {
      boost::system::error_code ignored;
      socket_.close(ignored);
    }

   private:
    friend class FakeBroker;
    std::shared_ptr<boost::asio::io_context> context_;
    boost::asio::ip::tcp::socket socket_;
    int number_;
    wire::FrameReader reader_{std::size_t{16} << 20};
  };
  using PeerPtr = std::shared_ptr<Peer>;
  using Script = std::function<void(const PeerPtr&, const pb::Request&)>;

  explicit FakeBroker(Script script)
      : script_(std::move(script)),
        acceptor_(*context_, {boost::asio::ip::address_v4::loopback(), 0}),
        work_(context_->get_executor()),
        port_(acceptor_.local_endpoint().port()) {
    greeting.set_protocol_version(1);
    greeting.set_server_version("fake");
    greeting.set_server_time_ms(kServerTimeMs);
    greeting.set_frame_bytes_max(4 << 20);
    accept();
    thread_ = std::thread([this] { context_->run(); });
  }

  ~FakeBroker() {
    in_broker([this] {
      acceptor_.close();
      for (const auto& peer : peers_) peer->cut();
    });
    work_.reset();
    thread_.join();
  }

  FakeBroker(const FakeBroker&) = delete;
  FakeBroker& operator=(const FakeBroker&) = delete;

  static constexpr std::uint64_t kServerTimeMs = 1'700'000'000'000;

  std::string url() const { return "pawl://127.0.0.1:" + std::to_string(port_); }

  // What has come so far, greetings apart. Assertions belong here, after the fact: Catch2's must
  // stay on one thread.
  std::vector<pb::Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::vector<pb::Hello> hellos() const {
    const std::lock_guard lock(mutex_);
    return hellos_;
  }

  void in_broker(std::function<void()> task) { boost::asio::post(*context_, std::move(task)); }

  // Before the first client comes.
  pb::HelloReply greeting;
  // Answers the Hello instead of the greeting when it returns true.
  std::function<bool(const PeerPtr&, const pb::Request&)> on_hello;

 private:
  void accept() {
    acceptor_.async_accept(
        [this](boost::system::error_code failure, boost::asio::ip::tcp::socket socket) {
          if (failure) return;
          socket.set_option(boost::asio::ip::tcp::no_delay(true));
          const int number = static_cast<int>(peers_.size()) + 1;
          peers_.push_back(std::make_shared<Peer>(context_, std::move(socket), number));
          read(peers_.back());
          accept();
        });
  }

  void read(const PeerPtr& peer) {
    const auto space = peer->reader_.prepare(64 * 1024);
    peer->socket_.async_read_some(boost::asio::buffer(space.data(), space.size()),
                                  [this, peer](boost::system::error_code failure, std::size_t n) {
                                    if (failure) return;
                                    peer->reader_.commit(n);
                                    while (const auto body = peer->reader_.next())
                                      on_body(peer, *body);
                                    if (peer->socket_.is_open()) read(peer);
                                  });
  }

  void on_body(const PeerPtr& peer, std::string_view body) {
    pb::Request request;
    if (!request.ParseFromArray(body.data(), static_cast<int>(body.size()))) return peer->cut();
    note(request);
    if (!request.has_hello()) return script_(peer, request);
    if (on_hello && on_hello(peer, request)) return;
    pb::Reply reply;
    reply.set_id(request.id());
    *reply.mutable_hello() = greeting;
    peer->send(reply);
  }

  void note(const pb::Request& request) {
    const std::lock_guard lock(mutex_);
    if (request.has_hello()) {
      hellos_.push_back(request.hello());
    } else {
      requests_.push_back(request);
    }
  }

  Script script_;
  mutable std::mutex mutex_;
  std::vector<pb::Request> requests_;
  std::vector<pb::Hello> hellos_;
  std::shared_ptr<boost::asio::io_context> context_ = std::make_shared<boost::asio::io_context>(1);
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  unsigned short port_;
  std::vector<PeerPtr> peers_;
  std::thread thread_;
};

// A port on which nobody listens, and which nobody else is given meanwhile: connecting is refused.
class ClosedPort {
 public:
  ClosedPort() : holder_(context_, {boost::asio::ip::address_v4::loopback(), 0}) {}

  std::string url() const {
    return "pawl://127.0.0.1:" + std::to_string(holder_.local_endpoint().port());
  }

 private:
  boost::asio::io_context context_;
  boost::asio::ip::tcp::socket holder_;  // Bound, but not listening.
};

// The reply that accepts all jobs of an enqueue.
inline pb::Reply accepted(const pb::Request& request) {
  pb::Reply reply;
  reply.set_id(request.id());
  reply.mutable_enqueue();
  return reply;
}

inline pb::Reply pong(const pb::Request& request,
                      std::uint64_t server_time_ms = FakeBroker::kServerTimeMs) {
  pb::Reply reply;
  reply.set_id(request.id());
  reply.mutable_ping()->set_server_time_ms(server_time_ms);
  return reply;
}

inline pb::Reply refused(const pb::Request& request, pb::Code code,
                         std::uint32_t retry_after_ms = 0) {
  pb::Reply reply;
  reply.set_id(request.id());
  reply.mutable_error()->set_code(code);
  reply.mutable_error()->set_message("refused by the test");
  reply.mutable_error()->set_retryable(code >= pb::OVERLOADED);
  reply.mutable_error()->set_retry_after_ms(retry_after_ms);
  return reply;
}

}  // namespace pawl::test
