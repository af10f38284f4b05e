#include "broker/net/listener.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "broker/net/encode.h"

namespace pawl::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::chrono::milliseconds kBackoffMin{10};
constexpr std::chrono::milliseconds kBackoffMax{1'000};
constexpr core::Milliseconds kFullRetry{1'000};

asio::ip::tcp::endpoint wanted(const NetSettings& settings) {
  return {asio::ip::make_address(settings.address), settings.port};
}

std::string text_of(const asio::ip::tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return fmt::format(fmt::runtime(endpoint.address().is_v6() ? "[{}]:{}" : "{}:{}"), address,
                     endpoint.port());
}

std::string why(const error_code& failed) {
  if (failed == asio::error::address_in_use) {
    return "address already in use; is another broker running? Choose another address with "
           "--listen";
  }
  if (failed == asio::error::access_denied) {
    return "permission denied; choose a port from 1024 on with --listen";
  }
  return fmt::format("{}; choose another address with --listen", failed.message());
}

}  // namespace

Listener::Listener(const NetSettings& settings, ConnectionCounts& counts,
                   const std::vector<std::unique_ptr<IoThread>>& threads)
    : settings_(settings),
      counts_(counts),
      threads_(threads),
      acceptor_(threads.front()->context()),
      pause_(threads.front()->context()) {
  try {
    listen();
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error(
        fmt::format("cannot listen on {}: {}", text_of(wanted(settings)), why(error.code())));
  }
}

void Listener::listen() {
  const asio::ip::tcp::endpoint place = wanted(settings_);
  acceptor_.open(place.protocol());
  acceptor_.set_option(asio::ip::tcp::acceptor::reuse_address(true));
  acceptor_.bind(place);
  acceptor_.listen();
  endpoint_ = acceptor_.local_endpoint();
}

void Listener::start() {
  accept();
}

void Listener::stop() {
  asio::post(acceptor_.get_executor(), [this] {
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  });
}

void Listener::accept() {
  if (!acceptor_.is_open()) return;
  acceptor_.async_accept(next_thread().context(), peer_,
                         [this](const error_code& failed, asio::ip::tcp::socket socket) {
                           on_accepted(failed, std::move(socket));
                         });
}

void Listener::on_accepted(const error_code& failed, asio::ip::tcp::socket socket) {
  if (failed == asio::error::operation_aborted) return;
  if (failed == asio::error::connection_aborted) return accept();
  if (failed) return back_off(failed);
  backoff_ = {};
  if (has_place()) {
    ++counts_.all;
    next_thread().adopt({std::move(socket), next_id_, peer_.address()});
    ++next_id_;
  } else {
    refuse(std::move(socket));
  }
  accept();
}

bool Listener::has_place() {
  return counts_.all < settings_.connections_max &&
         counts_.fresh.take(peer_.address(), settings_.fresh_max);
}

// One small answer, if it can be written at once.
void Listener::refuse(asio::ip::tcp::socket socket) {
  Output output;
  encode_refused(0, {core::Errc::overloaded, "too many connections", kFullRetry}, output);
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(output.front(), ignored);
  socket.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket.close(ignored);
}

// Out of file descriptors or memory: it may get better, and asking in a loop does not help.
void Listener::back_off(const error_code& failed) {
  backoff_ = std::clamp(2 * backoff_, kBackoffMin, kBackoffMax);
  spdlog::warn("cannot accept a connection ({}); trying again in {} ms", failed.message(),
               backoff_.count());
  pause_.expires_after(backoff_);
  pause_.async_wait([this](const error_code& cancelled) {
    if (!cancelled) accept();
  });
}

}  // namespace pawl::net
