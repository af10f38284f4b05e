#pragma once

#include "broker/core/types.h"

namespace pawl::runtime {

// Where time comes from. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // `at` never runs back.
  virtual core::Now now() = 0;

  // Moves the timeline forward to `last` if it is behind: it goes on where the process before us
  // left it.
  virtual void continue_from(core::Timestamp last) = 0;
};

}  // namespace pawl::runtime
