#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "worker/run.h"

namespace pawl::worker {

struct FinishedRun {
  std::size_t slot = 0;
  Outcome outcome;
};

// The threads on which handlers run, made as they are needed. A thread that finds no further run
// tells the owner, once for all that has finished; so brief jobs cost neither a wake-up each nor a
// word. Thread-safe. Threads that do not come back from their handler keep the pool alive.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  // Runs it on a new thread, or throws std::system_error.
  using Start = std::function<void(std::function<void()> work)>;
  static void start_thread(std::function<void()> work);

  // `announce` says that take_finished() has something; called on any of the threads.
  Pool(std::size_t threads_max, std::function<void()> announce, Start start = start_thread)
      : threads_max_(threads_max), announce_(std::move(announce)), start_(std::move(start)) {}

  // Gives back those that cannot run, since this system has no room for a single thread.
  std::vector<std::shared_ptr<Run>> add(std::vector<std::shared_ptr<Run>> runs);
  std::vector<FinishedRun> take_finished();

  // No announcement comes after this returns; idle threads end, busy ones when their handler does.
  void close();
  // Waits until all have ended.
  bool join(TimePoint deadline);

 private:
  void wake_one(std::unique_lock<std::mutex>& lock);
  void spawn(std::unique_lock<std::mutex>& lock);
  void work();
  std::shared_ptr<Run> take(std::unique_lock<std::mutex>& lock);
  void announce_finished();

  const std::size_t threads_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable ended_;
  std::function<void()> announce_;
  const Start start_;
  std::deque<std::shared_ptr<Run>> runs_;
  std::vector<FinishedRun> finished_;
  std::size_t threads_ = 0;
  std::size_t idle_ = 0;
  bool waking_ = false;  // One is on its way; it will wake the next if that is needed.
  bool announced_ = false;
  bool closed_ = false;
};

}  // namespace pawl::worker
