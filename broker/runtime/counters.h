#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>

namespace pawl::runtime {

// How often something took how long: buckets grow by powers of two from one microsecond.
class DurationHistogram {
 public:
  static constexpr std::size_t kBuckets = 32;

  void add(std::chrono::microseconds duration) {
    const auto us = static_cast<std::uint64_t>(duration.count());
    const auto bucket =
        std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(us)), kBuckets - 1);
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_us_.fetch_add(us, std::memory_order_relaxed);
  }

  // Durations below 2^bucket microseconds and not below half of that.
  std::uint64_t count(std::size_t bucket) const {
    return counts_[bucket].load(std::memory_order_relaxed);
  }
  std::uint64_t sum_us() const { return sum_us_.load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<std::uint64_t>, kBuckets> counts_{};
  std::atomic<std::uint64_t> sum_us_{0};
};

// What the loop has done since it was started. Written by the loop's threads, read by anyone.
struct Counters {
  using Count = std::atomic<std::uint64_t>;

  Count commands{0};
  Count commands_refused{0};  // The inbox was full.
  Count replies{0};
  Count turns{0};  // Of the engine's thread.
  Count commits{0};
  Count commits_handed_off{0};
  Count commit_bytes{0};
  Count syncs{0};
  Count reads{0};
  Count rows_read{0};
  Count epochs{0};
  DurationHistogram commit_time;
};

inline void count(Counters::Count& counter, std::uint64_t by = 1) {
  counter.fetch_add(by, std::memory_order_relaxed);
}

}  // namespace pawl::runtime
