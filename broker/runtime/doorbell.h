#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace pawl::runtime {

// Wakes one sleeping thread. Ringing costs no system call while that thread is awake.
class Doorbell {
 public:
  // Call it after what the sleeper waits for has been published.
  void ring() {
    // Both sides exchange the same flag: either the sleeper sees what was published before, or we
    // see it asleep.
    if (!asleep_.exchange(false, std::memory_order_acq_rel)) return;
    { const std::lock_guard lock(mutex_); }
    bell_.notify_one();
  }

  // Returns at once when `something()` is there, else when the bell rings or the time is over.
  template <class Something>
  void wait_for(std::chrono::milliseconds at_most, Something&& something) {
    asleep_.exchange(true, std::memory_order_acq_rel);
    if (!something()) {
      std::unique_lock lock(mutex_);
      bell_.wait_for(lock, at_most, [&] { return !asleep_.load(std::memory_order_acquire); });
    }
    asleep_.store(false, std::memory_order_release);
  }

 private:
  std::atomic<bool> asleep_{false};
  std::mutex mutex_;
  std::condition_variable bell_;
};

}  // namespace pawl::runtime
