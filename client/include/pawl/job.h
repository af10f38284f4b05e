#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <pawl/error.h>
#include <pawl/export.h>
#include <pawl/job_id.h>
#include <pawl/options.h>

namespace pawl::inline v1 {

// A job to be enqueued. The payload is any bytes, up to 1 MiB.
class PAWL_API Job {
 public:
  Job() {}
  Job(std::string job_type, std::string job_payload, Options job_options = Options())
      : type(std::move(job_type)),
        payload(std::move(job_payload)),
        options(std::move(job_options)) {}

  std::string type;
  std::string payload;
  Options options;
};

enum class JobState {
  blocked = 1,
  scheduled = 2,
  pending = 3,
  processing = 4,
  retrying = 5,
  completed = 6,
  failed = 7,
  cancelled = 8,
  expired = 9,
};

// "pending" and so on, and back.
PAWL_API std::string_view name_of(JobState state);
PAWL_API std::optional<JobState> parse_state(std::string_view name);
// The job will change its state no more by itself.
constexpr bool is_final(JobState state) {
  return state >= JobState::completed;
}

enum class Durability {
  synced = 0,   // On disk, synced.
  written = 1,  // Handed to the operating system: survives the broker's crash, not the machine's.
};

// What became of one job of an enqueue_many().
struct Enqueued {
  JobId id;  // Set when accepted, and when the outcome is unknown.
  Errc code = Errc::ok;
  std::string message;
  bool outcome_unknown = false;
  bool duplicate = false;  // Sent again after a cut connection, and it was there already.
  Durability level = Durability::synced;

  bool accepted() const { return code == Errc::ok; }
};

// What becomes of the neighbours of a bad job.
enum class BatchMode {
  per_job,         // They are taken.
  all_or_nothing,  // They are refused too.
};

struct Failure {
  enum class Cause { handler = 0, crash = 1, time_limit = 2, cancellation = 3 };

  std::string error_class;
  std::string message;
  std::string detail;
  Cause cause = Cause::handler;
};

PAWL_API std::string_view name_of(Failure::Cause cause);

struct Attempt {
  enum class End { running = 0, done = 1, failure = 2, released = 3, worker_lost = 4, stopped = 5 };

  unsigned number = 0;
  std::optional<Time> started_at;
  std::optional<Time> finished_at;
  std::string worker_id;
  std::string host;
  End end = End::running;
  std::optional<Failure> failure;
};

PAWL_API std::string_view name_of(Attempt::End end);

// What the broker knows of a job.
struct JobStatus {
  JobId id;
  // not_found: there is no such job; too_large: it does not fit into an answer. Then nothing below
  // is set.
  Errc code = Errc::ok;
  JobState state = JobState::pending;
  std::string name_space;
  std::string queue;
  std::string type;
  unsigned priority = 0;
  std::string key;
  unsigned attempt = 0;  // The one that runs or ran last; 0 before the first.
  unsigned max_attempts = 0;
  std::optional<Time> accepted_at;
  std::optional<Time> due_at;  // Scheduled and retrying: when it becomes pending.
  std::optional<Time> started_at;
  std::optional<Time> finished_at;
  std::optional<Time> kept_until;  // Final states: when it is forgotten.
  std::string worker_id;
  std::string host;
  std::string result;
  std::string result_type;
  std::optional<Failure> failure;  // Of the last failed attempt.
  std::vector<Attempt> attempts;   // Oldest first; the last 25.
  bool cancel_requested = false;
  std::optional<Job> job;  // With View::full: as it was enqueued.

  bool found() const { return code == Errc::ok; }
};

// How much of a job to ask for.
enum class View {
  status,  // All but the job's own bytes and its result.
  full,
};

struct CancelVerdict {
  Errc code = Errc::ok;
  // Afterwards: cancelled, processing (it was asked to stop), or the final state that it had
  // already.
  JobState state = JobState::cancelled;
};

struct JobPage {
  std::vector<JobStatus> jobs;
  std::string next_cursor;  // Empty at the end.
};

// Which jobs to list: a queue's jobs of one state. Processing jobs come oldest first, pending ones
// too within type, priority and key; the others come by type, those of the newest minute first.
class PAWL_API ListQuery {
 public:
  ListQuery() {}
  ListQuery(std::string queue, JobState state) : queue_(std::move(queue)), state_(state) {}

  ListQuery& in_namespace(std::string value) { return namespace_ = std::move(value), *this; }
  ListQuery& type(std::string value) { return type_ = std::move(value), *this; }
  // Jobs per page at most: 1 to 1000, 100 by default. A page that is too large for an answer gets
  // shorter.
  ListQuery& limit(unsigned value) { return limit_ = value, *this; }
  // The next_cursor of the page before.
  ListQuery& cursor(std::string value) { return cursor_ = std::move(value), *this; }

  const std::string& in_namespace() const { return namespace_; }
  const std::string& queue() const { return queue_; }
  JobState state() const { return state_; }
  const std::string& type() const { return type_; }
  unsigned limit() const { return limit_; }
  const std::string& cursor() const { return cursor_; }

 private:
  std::string namespace_;
  std::string queue_ = "default";
  JobState state_ = JobState::pending;
  std::string type_;
  unsigned limit_ = 100;
  std::string cursor_;
};

struct QueueStats {
  std::string queue;
  std::uint64_t scheduled = 0;
  std::uint64_t pending = 0;
  std::uint64_t processing = 0;
  std::uint64_t retrying = 0;
  std::uint64_t completed = 0;  // Within their retention.
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  Milliseconds oldest_pending{};  // Age of the job that waits longest; 0 when none waits.
  std::uint64_t lanes = 0;
};

struct Pong {
  Time server_time;
  Milliseconds uptime{};
  std::string server_version;
  std::chrono::microseconds round_trip{};
};

}  // namespace pawl::inline v1
