#pragma once

// The grammar of every table's keys. be: big-endian; id: 16 bytes; all keys sort bytewise. The
// store puts the shard in front.
//
//   meta      'e'                                  engine: clock, counters
//             'q' queue:be32 | 't' type:be32       interned names
//             'c' queue:be32                       counts of a queue
//   batches   batch:id part:be16                   part 0xffff: the receipt of a reaped batch
//   outcomes  batch:id commit:be64                 the last one tells what is left
//   results   job:id                               results over limits::kInlineResultBytes
//   jobs      job:id                               jobs that left the plain path
//   ready     lane:be64 sequence:be64 slot:be16    slot 0: a segment of runs;
//                                                  else one job, its index + 1
//   lanes     lane:be64
//   agenda    clock:'d'|'w' due:be64 batch:id index:be16
//                                                  'd' timeline, 'w' wall clock
//   leases    's' session:16 | 'g' token:be64
//   closed    reap_at:be64 commit:be64
//   listed    queue:be32 state:u8 type:be32 ~minute:be32 batch:id part:be64
//                                                  newest minute first; part: what was listed
//                                                  together, which is the commit of the outcomes,
//                                                  or kListedAlone + index for a job with a
//                                                  record of its own, or the first index of a
//                                                  scheduled run
//   dead      queue:be32 failed_at:be64 job:id

#include <string>

#include "broker/core/changes.h"
#include "broker/core/job_state.h"
#include "broker/core/position.h"
#include "broker/core/types.h"

namespace pawl::core::keys {

inline constexpr std::uint16_t kReceiptPart = 0xffff;

std::string engine();
std::string queue_name(QueueNumber queue);
std::string type_name(TypeNumber type);
std::string counts(QueueNumber queue);

std::string batch_part(const BatchId& batch, std::uint16_t part);
std::string outcomes(const BatchId& batch, CommitSeq seq);
std::string job(const JobId& id);
std::string ready(LaneNumber lane, Position position);
std::string lane(LaneNumber lane);

enum class AgendaClock : std::uint8_t { timeline = 'd', wall = 'w' };
std::string agenda(AgendaClock clock, std::uint64_t due_ms, const JobId& first);

std::string session(const SessionId& session);
std::string grant(Token token);
std::string closed(Timestamp reap_at, CommitSeq seq);

// Minutes are counted from the epoch.
std::uint32_t minute_of(Timestamp at);
inline constexpr std::uint64_t kListedAlone = std::uint64_t{1} << 63;
struct Listing {
  QueueNumber queue = 0;
  JobState state = JobState::none;
  TypeNumber type = 0;
  Timestamp at{};
  BatchId batch;
  std::uint64_t part = 0;
};
std::string listed(const Listing& listing);
std::string listed_prefix(QueueNumber queue, JobState state);
std::string listed_prefix(QueueNumber queue, JobState state, TypeNumber type);
std::string dead(QueueNumber queue, Timestamp failed_at, const JobId& job);

// The first key after every key that starts with `prefix`.
std::string after_prefix(std::string prefix);

// All rows of `table`; all rows whose keys start with the prefix; all rows of a batch (its parts,
// outcomes, jobs ...).
Range all(Table table);
Range under(Table table, std::string prefix);
Range of_batch(Table table, const BatchId& batch);
// Its record, outcomes and own records: what a batch in memory is made of.
void add_all_of_batch(const BatchId& batch, std::vector<Range>& ranges);
Range of_job(Table table, const JobId& id);

}  // namespace pawl::core::keys
