#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <pawl/handler.h>
#include <pawl/job.h>

namespace pawl::worker {

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

// A worker's hold on one job, as the broker names it.
struct Lease {
  std::uint64_t token = 0;
  JobId id;

  friend bool operator==(const Lease&, const Lease&) = default;
};

// The batch's id is that of its first job; an index is its low 12 bits.
JobId batch_of(const JobId& id);
JobId job_of_batch(const JobId& batch, unsigned index);

enum class OutcomeKind { complete = 1, fail = 2, release = 3 };

// What became of one run.
struct Outcome {
  OutcomeKind kind = OutcomeKind::complete;
  std::string result{};
  std::string content_type{};
  Failure failure{};
  Duration run_time{};
};

struct Finished {
  Lease lease;
  Outcome outcome{};
  bool alone = false;  // In a report of its own, after a report with others was refused.
};

}  // namespace pawl::worker
