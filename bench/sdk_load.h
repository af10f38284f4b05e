#pragma once

#include <cstdint>
#include <string>

#include "bench/connection.h"

namespace pawl::bench {

struct SdkFigures {
  double enqueue_per_s = 0;
  double drain_per_s = 0;
  double enqueue_cpu_s = 0;  // Of this process, user and system.
  double drain_cpu_s = 0;
};

// Enqueues jobs by a pawl::Client (batches of 100, 8 in flight) and drains them by a pawl::Worker
// with handlers that do nothing. Throws when one is lost or doubled.
SdkFigures run_sdk(const Address& address, const std::string& queue, std::uint64_t jobs);

}  // namespace pawl::bench
