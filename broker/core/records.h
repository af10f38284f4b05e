#pragma once

// The values of every table, and how each is encoded. A value starts with its format number; a
// reader that meets a number that it does not know fails, so that damage and newer formats are
// seen, not guessed at.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/command.h"
#include "broker/core/keys.h"
#include "broker/core/reply.h"

namespace pawl::core {

// meta 'e': what the engine must not forget.
struct EngineRecord {
  Timestamp at{};                 // The timeline at the commit.
  WallTime wall{};                // The wall clock at the same moment.
  std::uint64_t id_time_max = 0;  // No accepted batch id has a later time.
  Sequence sequence = 0;          // The last one given.
  LaneNumber lane = 0;            // Likewise.
  QueueNumber queue = 0;
  TypeNumber type = 0;

  std::string encode() const;
  static std::optional<EngineRecord> decode(std::string_view bytes);
};

struct QueueName {
  std::string ns;
  std::string name;

  std::string encode() const;
  static std::optional<QueueName> decode(std::string_view bytes);
};

std::string encode_type_name(std::string_view name);
std::optional<std::string> decode_type_name(std::string_view bytes);

// meta 'c': jobs of a queue by state. `waiting` is pending and processing together: a lease changes
// no count on disk.
struct CountsRecord {
  std::uint64_t waiting = 0;
  std::uint64_t scheduled = 0;
  std::uint64_t retrying = 0;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;

  std::uint64_t& of(JobState state);

  std::string encode() const;
  static std::optional<CountsRecord> decode(std::string_view bytes);
};

// A group of a batch as the broker keeps it.
struct GroupRecord {
  TypeNumber type = 0;
  std::uint8_t priority = 0;
  std::string key;
  JobOptions options;                                     // With the queue's defaults filled in.
  std::uint64_t due_ms = 0;                               // 0: at once.
  keys::AgendaClock clock = keys::AgendaClock::timeline;  // Of due_ms.
  IndexSet jobs;

  friend bool operator==(const GroupRecord&, const GroupRecord&) = default;
};

// batches: the envelope stands before the client's bytes in part 0; later parts start with a
// PartHeader.
struct Envelope {
  QueueNumber queue = 0;
  std::uint64_t hash = 0;
  Timestamp accepted_at{};
  std::uint16_t job_count = 0;
  std::vector<GroupRecord> groups;
  std::vector<RefusedJob> refused;

  // Appends the envelope and the defaults; the first jobs follow.
  void encode(std::string& out, std::string_view defaults) const;
};

// A part of a batch as it was read: bytes of the jobs from `first` on.
struct BatchPart {
  JobIndex first = 0;
  Blob records;
};
std::string part_header(JobIndex first);

// Part 0, taken apart.
struct BatchHead {
  Envelope envelope;
  Blob defaults;
  BatchPart part;
};
std::optional<BatchHead> decode_batch_head(const Blob& value);
std::optional<BatchPart> decode_batch_part(const Blob& value);

// batches, part 0xffff: what a reaped batch leaves behind until its id is out of the window.
struct Receipt {
  QueueNumber queue = 0;
  std::uint64_t hash = 0;
  std::vector<RefusedJob> refused;

  std::string encode() const;
  static std::optional<Receipt> decode(std::string_view bytes);
};

// One outcome of some jobs in one commit.
struct OutcomeEntry {
  JobState state = JobState::completed;  // completed or cancelled.
  IndexSet jobs;
  std::uint32_t attempt = 0;
  Timestamp started_at{};
  Timestamp finished_at{};
  std::string worker_id;
  std::string host;
  bool result_apart = false;  // In table results, one key per job.
  std::string content_type;
  Blob result;
};

// outcomes
struct OutcomesRecord {
  IndexSet finished;  // All jobs of the batch that are in a final state, those with records of
                      // their own included.
  IndexSet moved;     // Jobs that have left the plain path and are not finished.
  std::vector<OutcomeEntry> entries;  // Of this commit.

  std::string encode() const;
  static std::optional<OutcomesRecord> decode(const Blob& value);
};

// results
std::string result_head(std::string_view content_type);
bool decode_result(const Blob& value, std::string& content_type, Blob& result);

// jobs
struct JobRecord {
  JobState state = JobState::pending;
  std::uint32_t attempt = 0;  // Counted attempts that have ended.
  std::uint32_t interruptions =
      0;  // Attempts that ended because the worker went away; they count apart.
  LaneNumber lane = 0;
  Position position;         // While pending or processing: its ready key.
  std::uint64_t due_ms = 0;  // While retrying.
  Timestamp finished_at{};
  bool cancel_requested = false;
  std::vector<AttemptView> attempts;  // The last limits::kAttemptsKept.
  bool result_apart = false;
  std::string result_type;
  Blob result;
  Blob defaults;  // Only when the job outlives its batch: its bytes, and the facts of the envelope.
  Blob record;
  std::optional<GroupRecord> group;
  QueueNumber queue = 0;
  Timestamp accepted_at{};

  std::string encode() const;
  static std::optional<JobRecord> decode(const Blob& value);
};

// ready
struct ReadyRun {
  Sequence sequence = 0;
  BatchId batch;
  IndexSet jobs;
  bool whole = false;       // The run is the whole batch: no other run can have moved its outcomes.
  std::uint32_t bytes = 0;  // Of the batch's record, about.
};
std::string encode_segment(const std::vector<ReadyRun>& runs);
std::optional<std::vector<ReadyRun>> decode_segment(std::string_view bytes);

// A job that came back alone. Its position's sequence is that of the run it came from, or a fresh
// one.
struct ReadyJob {
  JobId job;
  std::uint32_t bytes = 0;  // Of the batch's record, about.
  std::string encode() const;
  static std::optional<ReadyJob> decode(std::string_view bytes);
};

// lanes
struct LaneRecord {
  QueueNumber queue = 0;
  TypeNumber type = 0;
  std::uint8_t priority = 0;
  std::string key;
  Position head;      // Nothing is ready before it.
  Sequence mark = 0;  // No job behind it has an outcome or left its run.
  Sequence tail = 0;  // The last run's.

  std::string encode() const;
  static std::optional<LaneRecord> decode(std::string_view bytes);
};

// agenda
struct AgendaRecord {
  enum class Kind : std::uint8_t { run = 1, retry = 2 };
  Kind kind = Kind::run;
  IndexSet jobs;  // Of the key's batch.
  QueueNumber queue = 0;
  TypeNumber type = 0;
  std::uint8_t priority = 0;
  std::string key;
  bool whole = false;
  std::uint32_t bytes = 0;
  Timestamp listed_at{};  // The minute under which the jobs are listed.

  std::string encode() const;
  static std::optional<AgendaRecord> decode(std::string_view bytes);
};

// leases
struct SessionRecord {
  std::string worker_id;
  std::string host;

  std::string encode() const;
  static std::optional<SessionRecord> decode(std::string_view bytes);
};

struct LeasedJobs {
  BatchId batch;
  LaneNumber lane = 0;
  Position position;  // Of the run or job that was leased.
  IndexSet jobs;
  std::uint32_t attempt = 1;
};

struct GrantRecord {
  SessionId session;
  Timestamp at{};
  std::vector<LeasedJobs> jobs;

  std::string encode() const;
  static std::optional<GrantRecord> decode(std::string_view bytes);
};

// closed
struct ClosedRecord {
  std::vector<BatchId> batches;
  std::vector<JobId> jobs;  // Dead letters whose batch is gone.

  std::string encode() const;
  static std::optional<ClosedRecord> decode(std::string_view bytes);
};

// listed
std::string encode_indexes(const IndexSet& jobs);
std::optional<IndexSet> decode_indexes(std::string_view bytes);

}  // namespace pawl::core
