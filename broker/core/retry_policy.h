#pragma once

#include "broker/core/command.h"
#include "broker/core/random.h"

namespace pawl::core {

// How long a job waits after its `attempt`-th counted attempt (1 is the first) has failed: backoff,
// doubled with each further attempt, at most backoff_max, then up to a fifth longer. The jitter
// only adds, so nothing fires early.
Milliseconds backoff(const JobOptions& options, std::uint32_t attempt, Random& random);

}  // namespace pawl::core
