#pragma once

#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "broker/core/reply.h"
#include "broker/net/connection.h"
#include "broker/net/services.h"

namespace pawl::net {

// One thread, its event loop and the connections that live on it. Thread-safe where said.
class IoThread final : private ConnectionOwner {
 public:
  IoThread(const Services& services, const NetSettings& settings, ConnectionCounts& counts);
  ~IoThread() override;
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  void start();
  // Closes every connection and ends the thread. The engine is not told: it ends too. Thread-safe,
  // not to be called from this thread.
  void finish();

  // Takes over a connection that was accepted and counted. Thread-safe.
  void adopt(Arrival arrival);
  // Thread-safe: wakes the thread once for any number of replies.
  void deliver(std::vector<core::Reply>&& replies);
  // Calls `done`, on this thread, once the commands that lay unread are posted; where they cannot
  // be read for now, a heartbeat is, since who sends is alive. After a standstill of the process or
  // its machine that takes longer: then clients have to send again what was lost, or to connect
  // again. Thread-safe, one at a time.
  void catch_up(std::function<void()> done);
  // Tells every client that the broker stops. The future is ready once no request is in flight and
  // no reply is left to be written. Thread-safe; to be called once.
  std::future<void> drain();

  boost::asio::io_context& context() { return context_; }

 private:
  void take_replies();
  void answer(const core::Reply& reply);
  void schedule_tick();
  void tick();
  void on_closed(Connection& connection) override;
  void on_crowded() override;
  void shed_fattest();
  void tell_disconnected();
  bool is_deaf();
  void tell_caught_up();
  void vouch_for_unread();
  void check_drained();

  const Services& services_;
  const NetSettings& settings_;
  ConnectionCounts& counts_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer tick_;
  std::unordered_map<core::ConnectionId, std::shared_ptr<Connection>> connections_;
  std::vector<std::shared_ptr<Connection>> answered_;  // In this round of replies.
  std::vector<core::ConnectionId> disconnected_;       // What the engine does not know yet.
  std::function<void()> caught_up_;                    // Who asks whether everything is read.
  core::Timestamp ticked_at_{};
  core::Timestamp deaf_until_{};
  std::optional<std::promise<void>> drained_;
  bool sheds_ = false;  // It was asked for.
  bool stopping_ = false;
  bool finishing_ = false;
  std::thread thread_;

  std::mutex mutex_;
  std::vector<core::Reply> delivered_;  // Guarded by mutex_.
};

}  // namespace pawl::net
