#include "broker/net/connection.h"

#include <algorithm>
#include <poll.h>
#include <utility>

#include <boost/asio/post.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

namespace pawl::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kTurnFrames = 64;
constexpr std::size_t kReadBytesMin = 4 << 10;
constexpr std::size_t kReadBytesMax = 256 << 10;
constexpr std::size_t kFrameProgressBytes = 1024;
constexpr std::size_t kIdleBufferBytes = 16 << 10;  // More is given back after a while.

// A dead peer is noticed within about a minute, even when neither side has anything to say.
void keep_alive(asio::ip::tcp::socket& socket) {
  const auto set = [&socket](int level, int option, int value) {
    ::setsockopt(socket.native_handle(), level, option, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

// Whether it has closed its direction, which is the end of both.
bool peer_has_left(asio::ip::tcp::socket& socket) {
  pollfd events{.fd = socket.native_handle(), .events = POLLRDHUP, .revents = 0};
  return ::poll(&events, 1, 0) > 0;
}

}  // namespace

Connection::Connection(Arrival arrival, const Surroundings& surroundings)
    : socket_(std::move(arrival.socket)),
      peer_(std::move(arrival.peer)),
      settings_(surroundings.settings),
      counts_(surroundings.counts),
      owner_(surroundings.owner),
      conversation_(arrival.id, surroundings.services, surroundings.settings),
      frames_(conversation_.frame_bytes_max()),
      read_bytes_(kReadBytesMin) {}

void Connection::start(Clock::time_point now) {
  started_ = frame_since_ = write_since_ = now;
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  keep_alive(socket_);
  read();
}

void Connection::read() {
  if (reading_ != Reading::none || is_closed_) return;
  reading_ = Reading::waiting;
  const std::span<char> space = frames_.prepare(read_bytes_);
  socket_.async_read_some(asio::buffer(space.data(), space.size()),
                          [self = shared_from_this()](const error_code& failed, std::size_t bytes) {
                            self->on_read(failed, bytes);
                          });
}

void Connection::on_read(const error_code& failed, std::size_t bytes) {
  reading_ = Reading::none;
  if (is_closed_) return;
  if (failed == asio::error::operation_aborted) return restart_read();
  if (failed) return close(failed == asio::error::eof ? "the client left" : failed.message());
  something_came_ = true;
  frames_.commit(bytes);
  frame_bytes_ += bytes;
  if (bytes >= read_bytes_) read_bytes_ = std::min(2 * read_bytes_, kReadBytesMax);
  proceed();
}

void Connection::restart_read() {
  frames_ = wire::FrameReader(conversation_.frame_bytes_max());
  read_bytes_ = kReadBytesMin;
  proceed();
}

void Connection::proceed() {
  if (is_closed_ || lingers()) return;
  take_and_write();
  count_held();
}

void Connection::take_and_write() {
  write();
  while (!is_closed_ && !turn_over_ && reading_ == Reading::none) {
    if (conversation_.ended()) {
      if (conversation_.output().empty()) linger();
      return;
    }
    if (!conversation_.accepts()) return;
    if (!take_frames()) read();
    write();
  }
}

// Takes up to a turn's frames; false when there was none.
bool Connection::take_frames() {
  std::size_t taken = 0;
  while (conversation_.accepts()) {
    if (taken == kTurnFrames) {
      take_turn_later();
      break;
    }
    frames_.set_frame_bytes_max(conversation_.frame_bytes_max());
    const std::optional<std::string_view> frame = frames_.next();
    if (!frame) break;
    conversation_.take(*frame);
    ++taken;
  }
  if (frames_.error() != wire::FrameError::none) conversation_.refuse_stream(frames_.error());
  if (taken > 0) {
    frame_taken_ = true;
    count_greeted();
  }
  return taken > 0 || conversation_.ended();
}

// The other connections have their turn first.
void Connection::take_turn_later() {
  turn_over_ = true;
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->turn_over_ = false;
    self->proceed();
  });
}

void Connection::count_greeted() {
  if (!is_fresh_ || !conversation_.greeted()) return;
  is_fresh_ = false;
  counts_.fresh.give_back(peer_);
}

void Connection::count_held() {
  std::size_t held = 0;
  if (!is_closed_) held += conversation_.output().held_bytes();
  if (!is_closed_ && !conversation_.ended()) held += frames_.capacity_bytes();
  const std::size_t before = std::exchange(held_bytes_, held);
  if (held == before) return;
  const std::size_t all = counts_.held_bytes.fetch_add(held - before) + held - before;
  if (held > before && all > settings_.client_bytes_max) owner_.on_crowded();
}

// What a client that reads has asked for is never too much: it is judged when the socket has taken
// what it takes.
void Connection::write() {
  Output& output = conversation_.output();
  while (!write_waits_ && !output.empty()) {
    error_code failed;
    const std::size_t bytes = socket_.write_some(output.front(), failed);
    output.consume(bytes);
    written_bytes_ += bytes;
    if (failed == asio::error::would_block || failed == asio::error::try_again) {
      write_waits_ = true;
      socket_.async_wait(
          asio::ip::tcp::socket::wait_write,
          [self = shared_from_this()](const error_code& error) { self->on_writable(error); });
    } else if (failed) {
      return close(failed.message());
    }
  }
  if (output.bytes() > core::limits::kUnreadFactorMax * settings_.output_bytes_max) {
    close("it does not read its replies");
  }
}

void Connection::on_writable(const error_code& failed) {
  write_waits_ = false;
  if (is_closed_) return;
  if (failed) return close(failed.message());
  proceed();
}

// Closing at once would reset the connection while the client still sends, and take the last reply
// with it.
void Connection::linger() {
  if (lingers()) return;
  lingers_until_ = Clock::now() + settings_.linger;
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  frames_ = wire::FrameReader(kReadBytesMin);  // What it holds will not be looked at.
  discard();
}

void Connection::discard() {
  reading_ = Reading::discarding;
  const std::span<char> space = frames_.prepare(kReadBytesMin);
  socket_.async_read_some(asio::buffer(space.data(), kReadBytesMin),
                          [self = shared_from_this()](const error_code& failed, std::size_t) {
                            if (self->is_closed_) return;
                            if (failed) return self->close("said goodbye");
                            self->discard();
                          });
}

void Connection::tick(Clock::time_point now) {
  if (is_closed_) return;
  if (lingers()) {
    if (now >= lingers_until_) close("said goodbye");
    return;
  }
  if (!conversation_.greeted() && now - started_ >= settings_.hello_within) {
    return close("no hello in time");
  }
  check_peer();
  if (!is_closed_) check_frame_progress(now);
  if (!is_closed_) check_write_progress(now);
  if (!is_closed_) give_back_buffer(now);
}

void Connection::vouch_if_unread() {
  if (is_closed_ || !conversation_.has_session()) return;
  const bool untaken = turn_over_ || (reading_ == Reading::none && frames_.buffered_bytes() > 0);
  error_code ignored;
  if (untaken || socket_.available(ignored) > 0) conversation_.vouch();
}

// A client that was busy once does not keep a large buffer for ever. The waiting read holds it, so
// that is restarted.
void Connection::give_back_buffer(Clock::time_point now) {
  if (std::exchange(something_came_, false)) busy_at_ = now;
  const bool idle =
      reading_ == Reading::waiting && !write_waits_ && now - busy_at_ >= settings_.idle;
  if (!idle || frames_.buffered_bytes() > 0 || frames_.capacity_bytes() <= kIdleBufferBytes) return;
  error_code ignored;
  socket_.cancel(ignored);
}

// Reading tells when a client has left. One that is not read, since its requests wait for answers,
// would be missed for as long.
void Connection::check_peer() {
  const bool paused = reading_ == Reading::none && !turn_over_;
  const bool still_paused = std::exchange(was_paused_, paused) && paused;
  if (still_paused && peer_has_left(socket_)) close("the client left");
}

// A frame that was completed is progress, whatever came of the next one.
void Connection::check_frame_progress(Clock::time_point now) {
  const bool waits_for_rest = reading_ == Reading::waiting && frames_.buffered_bytes() > 0;
  const bool gets_on = std::exchange(frame_taken_, false) || !waits_for_rest;
  if (!gets_on && now - frame_since_ < settings_.frame_within) return;
  if (!gets_on && frame_bytes_ < kFrameProgressBytes) return close("a frame made no progress");
  frame_since_ = now;
  frame_bytes_ = 0;
}

void Connection::check_write_progress(Clock::time_point now) {
  const bool many = conversation_.output().bytes() > settings_.output_bytes_max;
  if (!write_waits_ || written_bytes_ > 0) {
    write_since_ = now;
    written_bytes_ = 0;
  } else if (now - write_since_ >= (many ? settings_.unread_within : settings_.write_within)) {
    close("it reads no replies");
  }
}

void Connection::shed() {
  if (is_closed_) return;
  spdlog::warn("clients hold too much memory: connection {} is cut, which holds {} bytes",
               conversation_.id(), held_bytes_);
  // Half a reply may be on its way: then there is no place for a word.
  if (!conversation_.output().empty()) return close("all connections together hold too much");
  conversation_.overload();
  count_held();
  error_code ignored;
  if (reading_ == Reading::none) return restart_read();
  socket_.cancel(ignored);  // The waiting read holds the buffer; it restarts with a small one.
}

void Connection::close(std::string_view why) {
  if (is_closed_) return;
  is_closed_ = true;
  spdlog::debug("connection {} closed: {}", conversation_.id(), why);
  error_code ignored;
  socket_.close(ignored);
  if (is_fresh_) counts_.fresh.give_back(peer_);
  --counts_.all;
  count_held();
  owner_.on_closed(*this);
}

}  // namespace pawl::net
