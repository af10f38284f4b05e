#include "broker/core/retry_policy.h"

#include <algorithm>

namespace pawl::core {

Milliseconds backoff(const JobOptions& options, std::uint32_t attempt, Random& random) {
  Milliseconds wait = options.backoff;
  for (std::uint32_t doubled = 1; doubled < attempt && wait < options.backoff_max; ++doubled)
    wait *= 2;
  wait = std::min(wait, options.backoff_max);
  const double jitter = 0.2 * random.fraction() * static_cast<double>(wait.count());
  return wait + Milliseconds{static_cast<std::int64_t>(jitter)};
}

}  // namespace pawl::core
