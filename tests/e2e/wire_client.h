#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "proto/slot.h"
#include "tests/net/test_client.h"

namespace pawl::test {

// A client that speaks the protocol itself, so that a test sees every request and every reply.
class WireClient {
 public:
  explicit WireClient(const std::string& address) : client_(endpoint_of(address)) {}

  // Says Hello and reads the answer.
  pb::HelloReply hello() {
    client_.hello();
    return greeted();
  }
  pb::HelloReply hello_worker() {
    client_.hello_worker();
    return greeted();
  }
  // Without waiting for the answer. Returns the request's id.
  template <class Fill>
  std::uint64_t send(const Fill& fill) {
    pb::Request request;
    request.set_id(++last_id_);
    fill(request);
    client_.send_request(request);
    return last_id_;
  }
  std::uint64_t send_enqueue(const std::string& queue, std::string payload = {}) {
    return send([&](pb::Request& request) {
      pb::Enqueue& enqueue = *request.mutable_enqueue();
      enqueue.set_batch_id(batch_id(queue));
      enqueue.set_queue(queue);
      pb::Job& job = *enqueue.add_jobs();
      job.set_type("note");
      job.set_payload(std::move(payload));
    });
  }
  std::uint64_t send_ping() {
    return send([](pb::Request& request) { request.mutable_ping(); });
  }
  pb::Reply read() { return client_.read_reply(); }
  bool at_end() { return client_.at_end(); }
  // Of the last batch, and so of its only job.
  const std::string& last_batch() const { return batch_; }

 private:
  static boost::asio::ip::tcp::endpoint endpoint_of(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    return {boost::asio::ip::make_address(address.substr(0, colon)),
            static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1)))};
  }
  pb::HelloReply greeted() {
    pb::HelloReply hello = client_.read_reply().hello();
    time_ms_ = hello.server_time_ms();
    return hello;
  }
  // The random bits are a count: no two clients of a test enqueue to one queue.
  std::string batch_id(const std::string& queue) {
    const std::uint64_t high = time_ms_ << 16 | 0x7000 | wire::slot_of("", queue);
    const std::uint64_t low = 2ULL << 62 | ++batches_ << 12;
    batch_.clear();
    for (const std::uint64_t half : {high, low}) {
      for (int shift = 56; shift >= 0; shift -= 8)
        batch_.push_back(static_cast<char>(half >> shift));
    }
    return batch_;
  }

  net::TestClient client_;
  std::uint64_t last_id_ = 1;  // Of the hello.
  std::uint64_t time_ms_ = 0;
  std::uint64_t batches_ = 0;
  std::string batch_;
};

}  // namespace pawl::test
