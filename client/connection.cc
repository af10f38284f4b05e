#include "client/connection.h"

#include <algorithm>
#include <random>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/write.hpp>

#include "client/program_name.h"

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

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

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

Connection::Link::Link(asio::io_context& context)
    : resolver(context), socket(context), reader(kReplyBytesMax) {}

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
                     }}),
      timer_(context) {}

void Connection::submit(std::unique_ptr<Call> call) {
  const TimePoint now = std::chrono::steady_clock::now();
  pipeline_.submit(std::move(call), now);
  if (closed_) pipeline_.close(Error(Errc::closed, "the client is closed"));
}

void Connection::step() {
  if (closed_) return;
  switch (pipeline_.advance(std::chrono::steady_clock::now())) {
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
  if (link_) {
    error_code ignored;
    link_->resolver.cancel();
    link_->socket.close(ignored);
    link_.reset();
  }
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
  link_->resolver.async_resolve(
      server.host, std::to_string(server.port),
      [this, link = link_](error_code failure, const tcp::resolver::results_type& found) {
        on_resolved(link, failure, found);
      });
}

void Connection::on_resolved(const LinkPtr& link, error_code failure,
                             const tcp::resolver::results_type& found) {
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
  hello.set_client_name(name.substr(0, kNameBytesMax));
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
  asio::async_write(link_->socket, asio::buffer(link_->out),
                    [this, link = link_](error_code failure, std::size_t /*bytes*/) {
                      if (!is_current(link)) return;
                      link->writing = false;
                      if (failure) return cut(cut_error(failure));
                      step();
                    });
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
  error_code ignored;
  link_->resolver.cancel();
  link_->socket.close(ignored);
  link_.reset();
  log(LogLevel::warning, why.message());
  server_ = (server_ + 1) % url_.servers.size();
  pipeline_.on_cut(why, std::chrono::steady_clock::now());
  if (hooks_.on_disconnected) hooks_.on_disconnected(why);
  arm();
}

Error Connection::connect_error(error_code failure) const {
  return Error(Errc::connection,
               "no connection to " + text_of(url_.servers[server_]) + ": " + failure.message());
}

void Connection::log(LogLevel level, const std::string& text) const {
  if (options_.log()) options_.log()(level, text);
}

}  // namespace pawl::client
