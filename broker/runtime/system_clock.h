#pragma once

#include <atomic>
#include <cstdint>

#include "broker/runtime/clock.h"

namespace pawl::runtime {

// The machine's clocks. The timeline starts at the wall clock of its construction and then counts
// the time since, with that in which the machine slept; what happens to the wall clock meanwhile
// does not touch it.
class SystemClock final : public Clock {
 public:
  SystemClock();

  core::Now now() override;
  void continue_from(core::Timestamp last) override;

 private:
  std::atomic<std::int64_t> offset_ms_;  // Of the timeline to the time since boot.
};

}  // namespace pawl::runtime
