#pragma once

#include <vector>

#include "broker/core/reply.h"

namespace pawl::runtime {

// Where replies leave to: the network, or a test. Called by the engine's thread, once for all that
// may leave at a time, in their order; it must not block.
struct ReplySink {
  virtual ~ReplySink() = default;
  virtual void deliver(std::vector<core::Reply>&& replies) = 0;
};

}  // namespace pawl::runtime
