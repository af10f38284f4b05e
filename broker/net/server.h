#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "broker/core/reply.h"
#include "broker/net/io_thread.h"
#include "broker/net/listener.h"
#include "broker/net/services.h"

namespace pawl::net {

// The TCP side of the broker: listens, talks to clients on its own threads, posts their commands
// and delivers the answers. Thread-safe.
class Server {
 public:
  // Listens at once, so that the port is known, and accepts from start() on. Throws
  // std::runtime_error with a sentence for people when the address is not to be had. `services`
  // must outlive it.
  Server(const Services& services, NetSettings settings);
  ~Server();

  void start();
  // Where it listens.
  boost::asio::ip::tcp::endpoint endpoint() const { return listener_.endpoint(); }
  std::size_t connections() const { return counts_.all; }

  // Answers and pushes of the engine, for any connections.
  void deliver(std::vector<core::Reply>&& replies);

  // Calls `done`, from a thread of its own, once every command that had reached this machine by now
  // is posted, at least as a sign of life of the worker who sent it. One at a time.
  void catch_up(std::function<void()> done);

  // Takes no more connections, tells every client that the broker stops, and waits until no request
  // is in flight and every reply is written, or until `deadline`. True when nothing was left.
  bool drain(std::chrono::steady_clock::time_point deadline);
  // Closes everything and ends the threads. The destructor does it too.
  void finish();

 private:
  IoThread& thread_of(core::ConnectionId id) { return *threads_[id % threads_.size()]; }
  std::vector<std::unique_ptr<IoThread>> make_threads();

  const Services& services_;
  const NetSettings settings_;
  ConnectionCounts counts_;
  std::vector<std::unique_ptr<IoThread>> threads_;
  Listener listener_;
};

}  // namespace pawl::net
