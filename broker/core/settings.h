#pragma once

// What operators may set for the queue itself (broker/config.h reads it from flags, environment and
// file).

#include <map>
#include <string>
#include <utility>

#include "broker/core/limits.h"
#include "broker/core/reply.h"
#include "broker/core/types.h"

namespace pawl::core {

struct QueueSettings {
  Milliseconds retention = limits::kRetentionDefault;  // Of completed and cancelled jobs.
  Milliseconds dead_retention = limits::kDeadRetention;
  std::uint32_t max_attempts = limits::kAttemptsDefault;
  Milliseconds backoff = limits::kBackoffDefault;
  Milliseconds backoff_max = limits::kBackoffMaxDefault;
  Durability durability = Durability::synced;
};

struct Settings {
  QueueSettings defaults{};
  std::map<std::pair<std::string, std::string>, QueueSettings> queues{};  // By namespace and queue.

  Milliseconds lease = limits::kLease;
  Milliseconds heartbeat = limits::kHeartbeat;
  Milliseconds cut_grace = limits::kCutGrace;
  Milliseconds restart_grace = limits::kRestartGrace;

  std::size_t window_bytes = 48 << 20;  // Encoded pending jobs held in memory, all lanes together.
  std::size_t lanes_max = limits::kLanesMax;

  const QueueSettings& of(const std::string& ns, const std::string& queue) const {
    const auto found = queues.find({ns, queue});
    return found == queues.end() ? defaults : found->second;
  }
};

}  // namespace pawl::core
