#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pawl::core {

// The numbers are those of State in proto/pawl.proto and part of the data format.
enum class JobState : std::uint8_t {
  none = 0,        // No such job.
  blocked = 1,     // Waits for other jobs.
  scheduled = 2,   // Its time has not come.
  pending = 3,     // Ready for a worker.
  processing = 4,  // Leased.
  retrying = 5,    // An attempt failed; the next is due later.
  completed = 6,
  failed = 7,  // Out of attempts: a dead letter.
  cancelled = 8,
  expired = 9,
};
inline constexpr std::size_t kJobStateCount = 10;

std::string_view to_string(JobState state);

// completed, failed, cancelled, expired: nothing happens to the job by itself any more.
bool is_final(JobState state);

// The one table of legal transitions. Every change of state asks it.
bool may_become(JobState from, JobState to);

}  // namespace pawl::core
