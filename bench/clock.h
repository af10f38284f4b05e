#pragma once

#include <chrono>
#include <cstdint>

namespace pawl::bench {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

inline double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// As it stands in payloads; the same clock in every process of a machine.
inline std::uint64_t stamp_of(Clock::time_point time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<nanoseconds>(time.time_since_epoch()).count());
}

}  // namespace pawl::bench
