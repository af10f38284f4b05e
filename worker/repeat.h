#pragma once

#include <optional>

#include "worker/lease.h"

namespace pawl::worker {

// Tells one wish that comes twice from a second wish: whoever signals a process and its group, as
// timeout(1) and some supervisors do, means it once. Pure.
class RepeatFilter {
 public:
  // Whether what comes at `now` belongs to what came just before.
  bool is_repeat(TimePoint now) {
    const bool repeat = last_ && now - *last_ < kWithin;
    if (!repeat) last_ = now;
    return repeat;
  }

  static constexpr Duration kWithin = std::chrono::milliseconds(100);

 private:
  std::optional<TimePoint> last_;
};

}  // namespace pawl::worker
