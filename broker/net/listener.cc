#include "broker/net/listener.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include "broker/net/encode.h"

namespace pawl::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::chrono::milliseconds kBackoffMin{10};
constexpr std::chrono::milliseconds kBackoffMax{1'000};
constexpr core::Milliseconds kFullRetry{1'000};

}  // namespace

Listener::Listener(const NetSettings& settings, ConnectionCounts& counts,
                   const std::vector<std::unique_ptr<IoThread>>& threads)
    : settings_(settings),
      counts_(counts),
      threads_(threads),
      acceptor_(threads.front()->context()),
      pause_(threads.front()->context()) {
  const asio::ip::tcp::endpoint wanted(asio::ip::make_address(settings.address), settings.port);
  acceptor_.open(wanted.protocol());
  acceptor_.set_option(asio::ip::tcp::acceptor::reuse_address(true));
  acceptor_.bind(wanted);
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
  acceptor_.async_accept(next_thread().context(),
                         [this](const error_code& failed, asio::ip::tcp::socket socket) {
                           on_accepted(failed, std::move(socket));
                         });
}

void Listener::on_accepted(const error_code& failed, asio::ip::tcp::socket socket) {
  if (failed == asio::error::operation_aborted) return;
  if (failed == asio::error::connection_aborted) return accept();
  if (failed) return back_off(failed);
  backoff_ = {};
  if (counts_.all >= settings_.connections_max || counts_.fresh >= settings_.fresh_max) {
    refuse(std::move(socket));
  } else {
    ++counts_.all;
    ++counts_.fresh;
    const core::ConnectionId id = next_id_;
    threads_[id % threads_.size()]->adopt(std::move(socket), id);
    ++next_id_;
  }
  accept();
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
