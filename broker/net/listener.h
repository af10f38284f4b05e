#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "broker/net/io_thread.h"
#include "broker/net/services.h"

namespace pawl::net {

// Accepts connections up to the caps and deals them out to the I/O threads. Lives on the first of
// them.
class Listener {
 public:
  // Listens at once. Throws std::runtime_error with a sentence for people.
  Listener(const NetSettings& settings, ConnectionCounts& counts,
           const std::vector<std::unique_ptr<IoThread>>& threads);

  // Begins to accept.
  void start();
  // Ends it, for good; thread-safe.
  void stop();
  boost::asio::ip::tcp::endpoint endpoint() const { return endpoint_; }

 private:
  void listen();
  void accept();
  void on_accepted(const boost::system::error_code& failed, boost::asio::ip::tcp::socket socket);
  bool has_place();
  void refuse(boost::asio::ip::tcp::socket socket);
  void back_off(const boost::system::error_code& failed);
  IoThread& next_thread() { return *threads_[next_id_ % threads_.size()]; }

  const NetSettings& settings_;
  ConnectionCounts& counts_;
  const std::vector<std::unique_ptr<IoThread>>& threads_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::ip::tcp::endpoint endpoint_;
  boost::asio::ip::tcp::endpoint peer_;  // Of the connection that is being accepted.
  boost::asio::steady_timer pause_;
  std::chrono::milliseconds backoff_{0};
  core::ConnectionId next_id_ = 1;  // Its remainder by the number of threads is its thread.
};

}  // namespace pawl::net
