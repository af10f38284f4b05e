#include "client/connection.h"

#include <algorithm>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "client/hello_text.h"
#include "client/program_name.h"
#include "client/random_seed.h"

namespace pawl::client {
namespace {

namespace asio = boost::asio;

constexpr std::uint32_t kProtocolVersion = 1;
constexpr std::size_t kNameBytesMax = 128;
constexpr std::size_t kReadBytes = std::size_t{64} * 1024;
// A write is filled up to here, then what more there is waits for the next.
constexpr std::size_t kWriteBytes = std::size_t{1} << 20;
// What a broker may send at once; memory follows what really comes.
constexpr std::size_t kReplyBytesMax = std::size_t{256} << 20;

PipelineOptions pipeline_options(const ClientOptions& options) {
  return {.connect_timeout = options.connect_timeout(),
          .backoff = options.backoff(),
          .backoff_max = options.backoff_max(),
          .silence_limit = options.silence_limit(),
          .seed = random_seed()};
}

Error cut_error(const boost::system::error_code& failure) {
  const bool ended = failure == asio::error::eof;
  return Error(Errc::connection, ended ? "the broker closed the connection"
                                       : "the connection was cut: " + failure.message());
}

std::string text_of(const Server& server) {
  const bool ipv6 = server.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + server.host + "]" : server.host) + ":" + std::to_string(server.port);
}

}  // namespace

Connection::Link::Link(asio::io_context& context) : socket(context), reader(kReplyBytesMax) {}

Connection::Connection(asio::io_context& context, const ClientOptions& options,
                       ConnectionHooks hooks)
    : context_(context),
      options_(options),
      url_(parse_url(options.url()).value()),
      hooks_(std::move(hooks)),
      pipeline_(pipeline_options(options),
                {.on_ready =
                     [this](const pb::HelloReply& reply) {
                       log(LogLevel::info, "connected to " + text_of(url_.servers[server_]));
                       if (hooks_.on_connected) hooks_.on_connected(reply);
                     },
                 .on_push =
                     [this](const pb::Reply& push) {
                       if (hooks_.on_push) hooks_.on_push(push);
                     },
                 .on_server_time =
                     [this](std::uint64_t time_ms) {
                       if (hooks_.on_server_time) hooks_.on_server_time(time_ms);
                     }}),
      timer_(context) {}

Connection::~Connection() {
  if (lookup_) lookup_->cancel();
}

void Connection::submit(std::unique_ptr<Call> call) {
  const TimePoint now = std::chrono::steady_clock::now();
  pipeline_.submit(std::move(call), now);
  if (closed_) pipeline_.close(Error(Errc::closed, "the client is closed"));
}

void Connection::step() {
  if (closed_) return;
  const TimePoint now = std::chrono::steady_clock::now();
  if (link_ && pipeline_.next_deadline() <= now) note_progress(now);
  switch (pipeline_.advance(now)) {
    case Pipeline::Decision::none:
      break;
    case Pipeline::Decision::connect:
      connect();
      break;
    case Pipeline::Decision::cut:
      cut(Error(Errc::connection, pipeline_.ready()
                                      ? "the broker has gone silent"
                                      : "no connection to " + text_of(url_.servers[server_]) +
                                            " came about in time"));
      break;
  }
  write();
  arm();
}

void Connection::reconnect(const Error& why) {
  if (closed_ || !link_) return;
  const std::size_t server = server_;
  cut(why);
  server_ = server;  // It was not this server's fault.
}

void Connection::close() {
  if (std::exchange(closed_, true)) return;
  timer_.cancel();
  if (link_) drop_link();
  pipeline_.close(Error(Errc::closed, "the client is closed"));
}

void Connection::connect() {
  link_ = std::make_shared<Link>(context_);
  const Server& server = url_.servers[server_];
  error_code not_an_address;
  const auto address = asio::ip::make_address(server.host, not_an_address);
  if (!not_an_address) {
    link_->socket.async_connect(
        tcp::endpoint(address, server.port),
        [this, link = link_](error_code failure) { on_connected(link, failure); });
    return;
  }
  lookup_ = Lookup::start(context_, server.host, std::to_string(server.port),
                          [this, link = link_](error_code failure, const Lookup::Addresses& found) {
                            on_resolved(link, failure, found);
                          });
}

void Connection::on_resolved(const LinkPtr& link, error_code failure,
                             const Lookup::Addresses& found) {
  if (!is_current(link)) return;
  if (failure) return cut(connect_error(failure));
  asio::async_connect(link->socket, found, [this, link](error_code refused, const tcp::endpoint&) {
    on_connected(link, refused);
  });
}

void Connection::on_connected(const LinkPtr& link, error_code failure) {
  if (!is_current(link)) return;
  if (failure) return cut(connect_error(failure));
  error_code ignored;
  link->socket.set_option(tcp::no_delay(true), ignored);
  link->socket.set_option(asio::socket_base::keep_alive(true), ignored);
  pipeline_.on_connected(hello());
  read(link);
  step();
}

pb::Hello Connection::hello() const {
  pb::Hello hello = hooks_.make_hello ? hooks_.make_hello() : pb::Hello();
  const std::string name = options_.client_name().empty() ? program_name() : options_.client_name();
  hello.set_protocol_version(kProtocolVersion);
  hello.set_client_name(hello_text(name, kNameBytesMax));
  hello.set_client_version(PAWL_VERSION);
  hello.set_credentials(url_.credentials);
  return hello;
}

void Connection::read(const LinkPtr& link) {
  const std::span<char> space = link->reader.prepare(kReadBytes);
  link->socket.async_read_some(
      asio::buffer(space.data(), space.size()),
      [this, link](error_code failure, std::size_t bytes) { on_read(link, failure, bytes); });
}

void Connection::on_read(const LinkPtr& link, error_code failure, std::size_t bytes) {
  if (!is_current(link)) return;
  if (failure) return cut(cut_error(failure));
  link->reader.commit(bytes);
  if (!on_frames(*link)) return;
  read(link);
  step();
}

// False when the connection was cut.
bool Connection::on_frames(Link& link) {
  const TimePoint now = std::chrono::steady_clock::now();
  while (const auto body = link.reader.next()) {
    const auto reason = pipeline_.on_frame(*body, now);
    if (!reason) continue;
    cut(*reason);
    return false;
  }
  if (link.reader.error() == wire::FrameError::none) return true;
  cut(Error(Errc::protocol_error, "the broker sent what is not a frame"));
  return false;
}

void Connection::write() {
  if (!link_ || link_->writing) return;
  link_->out.clear();
  pipeline_.write(link_->out, kWriteBytes, std::chrono::steady_clock::now());
  if (link_->out.empty()) return;

  link_->writing = true;
  write_on(link_, 0);
}

void Connection::write_on(const LinkPtr& link, std::size_t from) {
  link->socket.async_write_some(asio::buffer(link->out) + from,
                                [this, link, from](error_code failure, std::size_t bytes) {
                                  if (!is_current(link)) return;
                                  if (failure) return cut(cut_error(failure));
                                  link->sent_bytes += bytes;
                                  if (from + bytes < link->out.size())
                                    return write_on(link, from + bytes);
                                  link->writing = false;
                                  step();
                                });
}

// What the kernel has taken may lie there for long when the way to the broker is narrow. As long as
// its end confirms more and more of it, the connection lives.
void Connection::note_progress(TimePoint now) {
  int unconfirmed = 0;
  if (ioctl(link_->socket.native_handle(), SIOCOUTQ, &unconfirmed) != 0) return;
  const auto taken = link_->sent_bytes - static_cast<std::uint64_t>(unconfirmed);
  if (unconfirmed == 0 || taken <= link_->taken_bytes) return;
  link_->taken_bytes = taken;
  pipeline_.on_progress(now);
}

// The timer is moved only when it would come too late: most calls end long before their deadline.
void Connection::arm() {
  const TimePoint next = pipeline_.next_deadline();
  if (next >= armed_) return;
  armed_ = next;
  timer_.expires_at(next);
  timer_.async_wait([this](error_code cancelled) {
    if (cancelled) return;
    armed_ = TimePoint::max();
    step();
  });
}

void Connection::cut(const Error& why) {
  drop_link();
  log(LogLevel::warning, why.message());
  server_ = (server_ + 1) % url_.servers.size();
  pipeline_.on_cut(why, std::chrono::steady_clock::now());
  if (hooks_.on_disconnected) hooks_.on_disconnected(why);
  arm();
}

void Connection::drop_link() {
  if (lookup_) std::exchange(lookup_, nullptr)->cancel();
  error_code ignored;
  link_->socket.close(ignored);
  link_.reset();
}

Error Connection::connect_error(error_code failure) const {
  return Error(Errc::connection,
               "no connection to " + text_of(url_.servers[server_]) + ": " + failure.message());
}

void Connection::log(LogLevel level, const std::string& text) const {
  if (options_.log()) options_.log()(level, text);
}

}  // namespace pawl::client
