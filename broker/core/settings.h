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

// How finely the engine cuts its work. These move memory and speed, never a promise; nobody but
// tests changes them, to come across every edge with few jobs.
struct Grain {
  std::size_t agenda_entries = 20'000;  // Of each clock, in memory. At least 4.
  std::size_t agenda_page_rows = 5000;
  int agenda_fired_at_once = 2000;  // The rest follows in the next step.
  // A ready entry is the grain of paging: so many runs, or so many bytes of records.
  std::size_t segment_runs = 128;
  std::size_t segment_bytes = 512 << 10;
  std::size_t page_rows = 64;  // Ready entries of a page, and their bytes.
  std::size_t page_bytes = 4 << 20;
  std::size_t page_part_bytes = 512 << 10;  // That are read at once and installed together.
  std::size_t pages_at_once = 16;           // Of all lanes.
  std::size_t pages_per_fetch = 4;  // That a fetch asks for before it waits for one of them.
  std::size_t due_bytes = 1 << 20;  // What becomes due by itself is taken on until a commit has
  std::size_t due_reads = 2000;     // so much, or so many reads are under way.
  std::size_t idle_lanes = 1024;    // Empty lanes that are kept: a short queue makes no new ones.
  std::size_t reaped_at_once = 64;
  std::size_t taken_along_bytes = 8 << 20;  // That dead letters take out of a batch that is reaped.
  std::size_t id_filter_blocks = std::size_t{1} << 16;  // 64 bytes each: 4 MiB a generation.
  std::size_t list_rows = 64;                           // Looked at in one round of a list.
  std::size_t view_bytes_read = 8 << 20;                // In one round of looking at jobs.
  std::size_t view_queries = 4;                         // For many jobs each, at once.
  std::size_t cancel_loads = 8;            // Batches that are loaded to cancel jobs of them,
  std::size_t cancel_bytes = 32 << 20;     // and what of them one commit changes.
  std::size_t commit_bytes = 16 << 20;     // What takes many steps goes on in the next commit then.
  std::size_t names_waited_for = 100'000;  // Queues and types that had no job yet.
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
  std::size_t queues_max = limits::kQueuesMax;
  std::size_t types_max = limits::kTypesMax;
  Grain grain{};

  const QueueSettings& of(const std::string& ns, const std::string& queue) const {
    const auto found = queues.find({ns, queue});
    return found == queues.end() ? defaults : found->second;
  }
};

}  // namespace pawl::core
