#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

#include "broker/net/conversation.h"
#include "broker/net/services.h"
#include "proto/frame.h"

namespace pawl::net {

// What all I/O threads count together.
struct ConnectionCounts {
  std::atomic<std::size_t> all{0};
  std::atomic<std::size_t> fresh{0};  // Before Hello.
};

// One socket and its conversation: reads what comes while the conversation accepts it, writes what
// it says, ends what makes no progress. Not thread-safe; its I/O thread owns it.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;
  using Closed = std::function<void(Connection&)>;

  // It is in `counts` already. `closed` is called once, when the socket is gone.
  Connection(boost::asio::ip::tcp::socket socket, core::ConnectionId id, const Services& services,
             const NetSettings& settings, ConnectionCounts& counts, Closed closed);

  void start(Clock::time_point now);
  // Answers are taken first, then go out together by proceed().
  void answer(const core::Reply& reply) { conversation_.answer(reply); }
  void stop() { conversation_.stop(); }
  // Writes and reads as far as it goes without waiting.
  void proceed();
  // Ends what has waited for too long. To be called now and then.
  void tick(Clock::time_point now);
  void close(std::string_view why);

  const Conversation& conversation() const { return conversation_; }
  // Nothing is in flight and nothing is left to be written.
  bool is_quiet() const { return conversation_.in_flight() == 0 && conversation_.output().empty(); }

 private:
  enum class Reading { none, waiting, discarding };

  void read();
  void on_read(const boost::system::error_code& failed, std::size_t bytes);
  void restart_read();
  bool take_frames();
  void take_turn_later();
  void write();
  void on_writable(const boost::system::error_code& failed);
  void linger();
  void discard();
  void count_greeted();
  void check_frame_progress(Clock::time_point now);
  void give_back_buffer(Clock::time_point now);
  void check_write_progress(Clock::time_point now);

  boost::asio::ip::tcp::socket socket_;
  const NetSettings& settings_;
  ConnectionCounts& counts_;
  Closed closed_;
  Conversation conversation_;
  wire::FrameReader frames_;
  Reading reading_ = Reading::none;
  std::size_t read_bytes_;  // How much to ask for; grows with a busy client.
  bool turn_over_ = false;  // Its 64 frames are taken; more lie here.
  bool write_waits_ = false;
  bool is_closed_ = false;
  bool something_came_ = false;  // Since the last tick().
  bool is_fresh_ = true;         // As counts_ has it.

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
