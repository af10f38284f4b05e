#pragma once

// What the outside asks of the engine: plain values, validated before they come here (by
// net/decode_*). Every command with a ticket is answered by exactly one reply to that ticket, now
// or later.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/core/blob.h"
#include "broker/core/changes.h"
#include "broker/core/errc.h"
#include "broker/core/index_set.h"
#include "broker/core/job_state.h"
#include "broker/core/types.h"

namespace pawl::core {

// The options that the broker itself acts on. Zero max_attempts, backoff and backoff_max are the
// defaults; an absent retention is the queue's.
struct JobOptions {
  std::uint32_t max_attempts = 0;
  Milliseconds backoff{0};
  Milliseconds backoff_max{0};
  std::optional<Milliseconds> retention{};
  Milliseconds run_time_limit{0};

  friend bool operator==(const JobOptions&, const JobOptions&) = default;
};

// When a job may start: at once, after a time on the timeline, or at a wall-clock time.
struct Due {
  enum class Kind : std::uint8_t { now, delay, run_at };
  Kind kind = Kind::now;
  Milliseconds delay{0};
  WallTime run_at{};

  friend bool operator==(const Due&, const Due&) = default;
};

// The jobs of a batch that agree in everything that the broker acts on: they wait in the same lane
// as one run.
struct JobGroup {
  std::string type;
  std::uint8_t priority = 0;
  std::string key;
  JobOptions options;
  Due due;
  IndexSet jobs;
};

struct Enqueue {
  Ticket ticket;
  BatchId batch;
  std::string ns;  // Namespace.
  std::string queue;
  std::uint64_t hash = 0;       // Of everything the client sent under the batch id.
  std::uint16_t job_count = 0;  // Accepted and refused.
  Blob defaults;                // The defaults' message, without tag and length; may be empty.
  Blob jobs;  // The jobs as they came: each tag, length, message, one after the other.
  std::vector<JobGroup> groups;     // Disjoint; with `refused` they cover [0, job_count).
  std::vector<RefusedJob> refused;  // Only when the client chose results per job.
};

// Opens or resumes a worker's session on ticket.connection.
struct OpenSession {
  Ticket ticket;
  std::string worker_id;
  std::string host;
  SessionId fresh;   // The id of a new session, drawn from the operating system's randomness.
  SessionId resume;  // Empty: a new one.
  std::vector<Held> held;
};

struct Fetch {
  Ticket ticket;
  SessionId session;
  std::string ns;
  std::vector<std::string> queues;  // Most important first; no doubles.
  std::vector<std::string> types;   // Sorted, no doubles; empty is any.
  std::uint32_t credits = 1;
  Milliseconds max_wait{0};
};

// Answers at once, with nothing, the connection's fetches that wait for jobs.
struct EndFetch {
  Ticket ticket;
};

struct Outcome {
  enum class Kind : std::uint8_t { complete = 1, fail = 2, release = 3, extend = 4 };
  Token token;
  BatchId batch;
  IndexSet jobs;
  Kind kind = Kind::complete;
  Blob result;
  std::string content_type;
  Failure failure;
};

struct Report {
  Ticket ticket;
  SessionId session;
  std::vector<Outcome> outcomes;
};

struct Heartbeat {
  Ticket ticket;
  SessionId session;
};

struct GetJobs {
  Ticket ticket;
  std::vector<JobId> ids;
  enum class Payloads : std::uint8_t { without, with } payloads = Payloads::without;
};

struct WaitJob {
  Ticket ticket;
  JobId id;
  Milliseconds max_wait{0};
  GetJobs::Payloads payloads = GetJobs::Payloads::without;
};

struct ListJobs {
  Ticket ticket;
  std::string ns;
  std::string queue;
  JobState state = JobState::pending;
  std::string type;  // Empty: any.
  std::uint32_t limit = 100;
  std::string cursor;
};

struct QueueStats {
  Ticket ticket;
  std::string ns;
  std::vector<std::string> queues;  // Empty: all of the namespace.
};

struct CancelJobs {
  Ticket ticket;
  std::vector<JobId> ids;
};

// The connection is gone: its long polls end, its session's grace begins.
struct Disconnected {
  ConnectionId connection = 0;
};

// Before a stop: every grant that is not stored yet is put into the next commit, parked fetches are
// answered empty, nothing is leased any more.
struct StopLeasing {};

// Whether new jobs are taken. disk_full: enqueues are refused, everything else goes on.
struct Admission {
  enum class Kind : std::uint8_t { open, disk_full } kind = Kind::open;
};

using Command = std::variant<Enqueue, OpenSession, Fetch, Report, Heartbeat, GetJobs, WaitJob,
                             ListJobs, QueueStats, CancelJobs, EndFetch, Disconnected, StopLeasing,
                             Admission, ReadAnswer>;

}  // namespace pawl::core
