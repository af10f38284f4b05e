#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace pawl::client {

// Asks for the addresses of a host on a thread of its own, for which nobody ever waits: the
// system's resolver takes as long as it likes and cannot be stopped.
class Lookup : public std::enable_shared_from_this<Lookup> {
 public:
  using Addresses = boost::asio::ip::tcp::resolver::results_type;
  using Done = std::function<void(boost::system::error_code, const Addresses&)>;
  // Blocks until it knows; any thread.
  using Resolve = std::function<Addresses(boost::system::error_code& failure)>;

  // Calls `done` once, on the context's thread, unless it is cancelled before. It must be cancelled
  // before the context ends, even when it has called: its thread may still be in the context. A
  // host's name goes to the system's resolver.
  static std::shared_ptr<Lookup> start(boost::asio::io_context& context, const std::string& host,
                                       const std::string& port, Done done);
  static std::shared_ptr<Lookup> start(boost::asio::io_context& context, Resolve resolve,
                                       Done done);

  // From the context's thread, or when that has ended.
  void cancel();

 private:
  Lookup(boost::asio::io_context& context, Done done)
      : context_(&context), done_(std::move(done)) {}

  void run(Resolve resolve);
  void post(boost::system::error_code failure, Addresses found);
  void deliver(boost::system::error_code failure, const Addresses& found);

  std::mutex mutex_;
  boost::asio::io_context* context_;  // Nothing once it is cancelled. Under the mutex.
  Done done_;                         // Of the context's thread.
};

}  // namespace pawl::client
