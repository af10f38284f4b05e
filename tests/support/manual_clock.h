#pragma once

#include <algorithm>
#include <mutex>

#include "broker/runtime/clock.h"

namespace pawl::test {

// Stands still until it is moved.
class ManualClock final : public runtime::Clock {
 public:
  explicit ManualClock(core::Now start = {core::timestamp_from_ms(1'000'000),
                                          core::wall_from_ms(1'000'000)})
      : now_(start) {}

  core::Now now() override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  void continue_from(core::Timestamp last) override {
    const std::lock_guard lock(mutex_);
    now_.at = std::max(now_.at, last);
  }

  // Time passes: on both clocks, or only a jump of the wall clock.
  void pass(core::Milliseconds time) {
    const std::lock_guard lock(mutex_);
    now_.at += time;
    now_.wall += time;
  }
  void jump_wall(core::Milliseconds by) {
    const std::lock_guard lock(mutex_);
    now_.wall += by;
  }

 private:
  std::mutex mutex_;
  core::Now now_;
};

}  // namespace pawl::test
