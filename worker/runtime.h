#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "client/connection.h"
#include "worker/encode.h"
#include "worker/pool.h"
#include "worker/repeat.h"
#include "worker/session_fsm.h"
#include <pawl/worker.h>

namespace pawl::worker {

// A started worker: the thread that obeys a SessionFsm. It carries the session's orders to the
// connection and to the pool, and their news back.
class Runtime {
 public:
  // Throws Error{invalid_argument} for a bad URL.
  Runtime(const WorkerOptions& options, Subscription subscription,
          std::shared_ptr<Surroundings> surroundings);
  // REQUIRES: wait() has returned, or start() has not.
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  void start();
  // Drains at the first of these signals, hurries at the second; one that comes twice counts once.
  void heed(const std::vector<int>& signals, Duration grace);

  // Thread-safe.
  void drain(Duration grace);
  void wait();
  std::optional<Error> failure() const;
  std::size_t handed_back() const;

 private:
  pb::Hello hello() const;
  void on_connected(const pb::HelloReply& reply);
  void on_disconnected(const Error& why);
  void on_push(const pb::Reply& push);
  void on_fetched(const FetchOrder& order, const pb::FetchReply& reply);
  void hand_back(const std::vector<std::shared_ptr<Run>>& stranded, TimePoint at);
  const Handler* handler_of(const std::string& type) const;

  void schedule_pump();
  void pump();
  void take_finished(TimePoint now);
  void obey(TimePoint now);
  void send_fetch(const FetchOrder& order);
  void send_end_fetch();
  void send_report(const ReportOrder& order);
  void send_heartbeat(TimePoint now);
  void arm();
  void await_signal(Duration grace);
  void end();
  void log(LogLevel level, const std::string& text) const;

  const WorkerOptions options_;
  const Subscription subscription_;
  const std::shared_ptr<Surroundings> surroundings_;
  const std::string host_;

  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer timer_;
  boost::asio::signal_set signals_;
  client::Connection connection_;
  const std::shared_ptr<Pool> pool_;
  SessionFsm fsm_;
  std::vector<std::shared_ptr<Run>> runs_;  // By slot.
  TimePoint armed_ = TimePoint::max();
  bool pump_scheduled_ = false;
  bool was_connected_ = false;
  bool drain_asked_ = false;
  RepeatFilter signal_repeats_;
  std::thread thread_;

  mutable std::mutex mutex_;  // Guards what follows.
  std::condition_variable ended_;
  bool has_ended_ = false;
  std::optional<Error> failure_;
  std::size_t handed_back_ = 0;
  bool all_returned_ = true;
};

}  // namespace pawl::worker
