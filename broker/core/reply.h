#pragma once

// What the engine answers. A reply may leave once commit `after` is durable, not before.

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "broker/core/blob.h"
#include "broker/core/errc.h"
#include "broker/core/index_set.h"
#include "broker/core/job_state.h"
#include "broker/core/types.h"

namespace pawl::core {

struct RefusedJob {
  JobIndex index = 0;
  Errc code = Errc::ok;
  std::string message;
};

// Jobs that a worker holds under one token.
struct Held {
  Token token;
  BatchId batch;
  IndexSet jobs;
};

struct Failure {
  enum class Cause : std::uint8_t { handler = 0, crash = 1, time_limit = 2, cancellation = 3 };
  std::string error_class;
  std::string message;
  std::string detail;
  Cause cause = Cause::handler;
};

enum class Durability : std::uint8_t { synced = 0, written = 1 };

// The request as a whole was refused; nothing was changed.
struct Refused {
  Errc code = Errc::unavailable;
  std::string message;
  Milliseconds retry_after{0};
};

struct SessionOpened {
  SessionId session;
  Timestamp now{};
  std::vector<Held> lost;  // What the worker must stop doing.
};

struct Accepted {
  std::vector<RefusedJob> refused;
  Durability level = Durability::synced;
  bool duplicate = false;
};

// Jobs of one batch, leased together.
struct Delivery {
  BatchId batch;
  std::shared_ptr<const std::string> queue;
  Timestamp accepted_at{};
  IndexSet jobs;
  std::vector<std::uint32_t> attempts;  // Beside `jobs` in ascending order; empty: all 1.
  Blob defaults;
  std::vector<Blob> records;  // Concatenated: the jobs as they came, each tag, length, message.
};

// Empty deliveries: the wait ran out.
struct Granted {
  Token token;
  std::vector<Delivery> deliveries;
};

// No fetch of the connection waits any more.
struct FetchEnded {};

struct RefusedOutcome {
  std::uint32_t outcome = 0;
  JobIndex index = 0;
  Errc code = Errc::lease_lost;
};

struct Reported {
  std::vector<RefusedOutcome> refused;
};

struct Beaten {
  Timestamp now{};
};

struct AttemptView {
  enum class End : std::uint8_t {
    running = 0,
    done = 1,
    failure = 2,
    released = 3,  // Reserved: a plain release leaves no attempt.
    worker_lost = 4,
    stopped = 5
  };
  std::uint32_t number = 0;
  Timestamp started_at{};
  Timestamp finished_at{};
  std::string worker_id;
  std::string host;
  End end = End::running;
  std::shared_ptr<const Failure> failure;
};

struct JobView {
  JobId id;
  Errc code = Errc::ok;  // not_found: the rest is empty.
  JobState state = JobState::none;
  std::string ns;
  std::string queue;
  std::string type;
  std::uint8_t priority = 0;
  std::string key;
  std::uint32_t attempt = 0;
  std::uint32_t max_attempts = 0;
  Timestamp accepted_at{};
  // When it became or becomes pending, also when it has run since. Timeline for a delay or retry,
  // wall clock for run-at.
  std::uint64_t due_at_ms = 0;
  Timestamp started_at{};
  Timestamp finished_at{};
  std::string worker_id;
  std::string host;
  Blob result;
  std::string result_type;
  std::shared_ptr<const Failure> failure;
  std::vector<AttemptView> attempts;
  bool cancel_requested = false;
  Timestamp kept_until{};
  Blob defaults;  // The defaults' message. With payloads only.
  Blob record;    // The job: tag, length, message. With payloads only.
};

struct JobViews {
  std::vector<JobView> jobs;
};

struct Waited {
  JobView job;
};

struct Listed {
  std::vector<JobView> jobs;
  std::string next_cursor;
};

struct QueueCounts {
  std::string queue;
  std::uint64_t scheduled = 0;
  std::uint64_t pending = 0;
  std::uint64_t processing = 0;
  std::uint64_t retrying = 0;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  Milliseconds oldest_pending{0};
  std::uint64_t lanes = 0;
};

struct Counted {
  std::vector<QueueCounts> queues;
};

struct CancelVerdict {
  Errc code = Errc::ok;
  JobState state = JobState::none;
};

struct CancelVerdicts {
  std::vector<CancelVerdict> jobs;
};

// Pushes: ticket.request is 0.
struct CancelRunning {
  Token token;
  JobId job;
};
struct Stopping {};

struct Reply {
  Ticket ticket;
  CommitSeq after = 0;
  std::variant<Refused, SessionOpened, Accepted, Granted, Reported, Beaten, JobViews, Waited,
               Listed, Counted, CancelVerdicts, FetchEnded, CancelRunning, Stopping>
      body;
};

}  // namespace pawl::core
