#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace pawl::client {

// Waits between tries: each a random time up to a bound that doubles from `first` to `most` (full
// jitter), so that the clients of a restarted broker do not return in step.
class Backoff {
 public:
  using Duration = std::chrono::nanoseconds;

  Backoff(Duration first, Duration most, std::uint64_t seed)
      : first_(first), most_(most), random_(seed) {}

  Duration next() {
    const Duration bound = std::min(most_, first_ * (std::int64_t{1} << tries_));
    if (bound < most_ && tries_ < kDoublingsMax) ++tries_;
    return Duration(std::uniform_int_distribution<Duration::rep>(0, bound.count())(random_));
  }

  void reset() { tries_ = 0; }

 private:
  static constexpr int kDoublingsMax = 20;

  Duration first_;
  Duration most_;
  std::mt19937_64 random_;
  int tries_ = 0;
};

}  // namespace pawl::client
