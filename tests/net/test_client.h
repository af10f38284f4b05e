#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <sys/socket.h>

#include "proto/frame.h"
#include "proto/pawl.pb.h"

namespace pawl::net {

// A client that may say anything. Every wait ends after 20 s.
class TestClient {
 public:
  explicit TestClient(const boost::asio::ip::tcp::endpoint& broker) : socket_(*context_) {
    socket_.connect(broker);
    const timeval patience{20, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }

  // Errors are left to whoever reads: the broker may have hung up already.
  void send(std::string_view bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t more =
          ::send(socket_.native_handle(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (more <= 0) return;
      sent += static_cast<std::size_t>(more);
    }
  }
  void send_frame(std::string_view body) {
    std::string frame;
    wire::append_frame(frame, body);
    send(frame);
  }
  void send_request(const pb::Request& request) { send_frame(request.SerializeAsString()); }

  // Says Hello, without waiting for the answer.
  void hello() {
    pb::Request request;
    request.set_id(1);
    request.mutable_hello()->set_protocol_version(1);
    send_request(request);
  }
  void hello_worker() {
    pb::Request request;
    request.set_id(1);
    request.mutable_hello()->set_protocol_version(1);
    request.mutable_hello()->mutable_worker()->set_worker_id("w-1");
    send_request(request);
  }

  pb::Reply read_reply() {
    const std::string header = read(4);
    std::uint32_t size = 0;
    for (const char byte : header) size = size << 8 | static_cast<unsigned char>(byte);
    pb::Reply reply;
    if (!reply.ParseFromString(read(size))) throw std::runtime_error("the reply is no message");
    return reply;
  }

  // Whether the broker has hung up and nothing is left to be read. Waits for it.
  bool at_end() {
    char byte = 0;
    const ssize_t got = ::recv(socket_.native_handle(), &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
  }

  void close() { socket_.close(); }
  boost::asio::ip::tcp::socket& socket() { return socket_; }

 private:
  std::string read(std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t got = 0;
    while (got < size) {
      const ssize_t more = ::recv(socket_.native_handle(), bytes.data() + got, size - got, 0);
      if (more <= 0) throw std::runtime_error("the broker hung up or is silent");
      got += static_cast<std::size_t>(more);
    }
    return bytes;
  }

  std::unique_ptr<boost::asio::io_context> context_ = std::make_unique<boost::asio::io_context>();
  boost::asio::ip::tcp::socket socket_;
};

}  // namespace pawl::net
