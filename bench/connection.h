#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "bench/clock.h"
#include "proto/frame.h"

namespace pawl::bench {

struct Address {
  std::string host = "127.0.0.1";
  std::uint16_t port = 7295;
};
// "host:port". Throws std::runtime_error.
Address parse_address(const std::string& text);

enum class Role { producer, worker };

// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : number_(other.number_) { other.number_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  int number() const { return number_; }

 private:
  int number_;
};

// A TCP connection to the broker that has said Hello. Not thread-safe. Whatever goes wrong is
// thrown as std::runtime_error: a load generator has nobody to spare.
class Connection {
 public:
  using FrameHandler = std::function<void(std::string_view body)>;

  // Connects and greets; blocks for that, and never again except in call(). A broker that does not
  // listen yet, since it was started just now, gets some seconds.
  Connection(const Address& address, Role role);

  int descriptor() const { return socket_.number(); }
  // The time to put into ids: the broker's.
  std::uint64_t broker_time_ms(Clock::time_point now) const;

  // Bytes to be sent: what is appended here leaves with the next flush(), which sends as much as
  // the socket takes. So all that one turn of the loop has to say is one write.
  std::string& outgoing() { return outgoing_; }
  bool wants_write() const { return sent_ < outgoing_.size(); }
  void flush();

  // Reads what has come and hands over each whole frame. A body lives until its handler returns.
  void receive(const FrameHandler& on_frame);

  // Sends a frame and blocks until the next one comes. REQUIRES: nothing else is in flight.
  std::string call(std::string_view frame);

 private:
  void greet(Role role);
  void read_some();

  Descriptor socket_;
  wire::FrameReader reader_;
  std::string outgoing_;
  std::size_t sent_ = 0;  // Of outgoing_.
  std::uint64_t greeted_ms_ = 0;
  Clock::time_point greeted_at_;
};

}  // namespace pawl::bench
