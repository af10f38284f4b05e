#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

#include "broker/net/conversation.h"
#include "broker/net/fresh_places.h"
#include "broker/net/services.h"
#include "proto/frame.h"

namespace pawl::net {

class Connection;

// What all I/O threads count together.
struct ConnectionCounts {
  std::atomic<std::size_t> all{0};
  std::atomic<std::size_t> held_bytes{0};  // Unread replies and read buffers.
  FreshPlaces fresh;
};

// An accepted connection on its way to its I/O thread. It is in the counts already.
struct Arrival {
  boost::asio::ip::tcp::socket socket;
  core::ConnectionId id = 0;
  FreshPlaces::Address peer;
};

// Whoever keeps the connections of one thread.
class ConnectionOwner {
 public:
  ConnectionOwner() = default;
  ConnectionOwner(const ConnectionOwner&) = delete;
  ConnectionOwner& operator=(const ConnectionOwner&) = delete;
  virtual ~ConnectionOwner() = default;

  // Once, when the socket is gone.
  virtual void on_closed(Connection& connection) = 0;
  // All connections together hold more than they may. Called from inside one of them, so what it
  // does about it must wait.
  virtual void on_crowded() = 0;
};

// One socket and its conversation: reads what comes while the conversation accepts it, writes what
// it says, ends what makes no progress. Not thread-safe; its I/O thread owns it.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;

  // All of them must outlive it.
  struct Surroundings {
    const Services& services;
    const NetSettings& settings;
    ConnectionCounts& counts;
    ConnectionOwner& owner;
  };

  Connection(Arrival arrival, const Surroundings& surroundings);

  void start(Clock::time_point now);
  // Answers are taken first, then go out together by proceed().
  void answer(const core::Reply& reply) { conversation_.answer(reply); }
  void stop() { conversation_.stop(); }
  // Writes and reads as far as it goes without waiting.
  void proceed();
  // Ends what has waited for too long. To be called now and then.
  void tick(Clock::time_point now);
  // Posts a heartbeat for a worker of whom something lies here that is not taken yet.
  void vouch_if_unread();
  // Ends it because all connections together hold too much, with a word about it where one can be
  // read. It holds nothing from here on.
  void shed();
  void close(std::string_view why);

  const Conversation& conversation() const { return conversation_; }
  // Nothing is in flight and nothing is left to be written.
  bool is_quiet() const { return conversation_.in_flight() == 0 && conversation_.output().empty(); }
  // Memory of its unread replies and its read buffer.
  std::size_t held_bytes() const { return held_bytes_; }

 private:
  enum class Reading { none, waiting, discarding };

  void read();
  void on_read(const boost::system::error_code& failed, std::size_t bytes);
  void restart_read();
  void take_and_write();
  bool take_frames();
  void take_turn_later();
  void write();
  void on_writable(const boost::system::error_code& failed);
  void linger();
  void discard();
  void count_greeted();
  void count_held();
  void check_peer();
  void check_frame_progress(Clock::time_point now);
  void give_back_buffer(Clock::time_point now);
  void check_write_progress(Clock::time_point now);
  bool lingers() const { return lingers_until_ != Clock::time_point{}; }

  boost::asio::ip::tcp::socket socket_;
  const FreshPlaces::Address peer_;
  const NetSettings& settings_;
  ConnectionCounts& counts_;
  ConnectionOwner& owner_;
  Conversation conversation_;
  wire::FrameReader frames_;
  Reading reading_ = Reading::none;
  std::size_t read_bytes_;  // How much to ask for; grows with a busy client.
  bool turn_over_ = false;  // Its 64 frames are taken; more lie here.
  bool write_waits_ = false;
  bool is_closed_ = false;
  bool is_fresh_ = true;         // As counts_ has it.
  std::size_t held_bytes_ = 0;   // As counts_ has it.
  bool something_came_ = false;  // Since the last tick().
  bool frame_taken_ = false;     // Since the last tick().
  bool was_paused_ = false;      // At the last tick().

  // Progress, as tick() looks at it.
  Clock::time_point started_{};
  Clock::time_point frame_since_{};
  std::size_t frame_bytes_ = 0;  // Came since then, while a frame was incomplete.
  Clock::time_point write_since_{};
  std::size_t written_bytes_ = 0;  // Left since then.
  Clock::time_point lingers_until_{};
  Clock::time_point busy_at_{};
};

}  // namespace pawl::net
