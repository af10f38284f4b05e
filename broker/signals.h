#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

namespace pawl {

// SIGTERM and SIGINT, heard by a thread of its own from the first moment on, whatever the others
// wait for. While the broker starts, the first one ends the process with 0: nothing was accepted
// yet. Once it serves, the first one asks it to stop, and a second one ends the process at once.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // From here on the broker serves. Returns when it is asked to stop.
  void wait();

  // Ends the process with 1 unless it has ended by itself by then.
  void end_process_after(std::chrono::milliseconds time);

 private:
  enum class Stage { starting, serving, stopping };

  void on_signal(int signal);

  boost::asio::io_context context_{1};
  boost::asio::signal_set signals_;
  boost::asio::steady_timer end_;
  std::mutex mutex_;
  std::condition_variable asked_;
  Stage stage_ = Stage::starting;
  std::thread thread_;
};

}  // namespace pawl
