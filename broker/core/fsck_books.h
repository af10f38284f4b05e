#pragma once

// The inside of Fsck: everything that the rows say, decoded, and the checks by table.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/core/fsck.h"
#include "broker/core/records.h"

namespace pawl::core {

struct Fsck::Books {
  // What is stored of one batch.
  struct Batch {
    std::optional<Envelope> envelope;
    std::size_t records = 0;  // Jobs whose bytes were seen.
    bool receipt = false;
    bool any_outcomes = false;
    IndexSet finished;
    IndexSet moved;
    std::vector<std::pair<CommitSeq, OutcomeEntry>> entries;  // Without their results.
    IndexSet results;
    std::map<JobIndex, JobRecord> own;

    IndexSet waiting;    // In a run of a ready entry.
    IndexSet scheduled;  // In a run of the agenda.
    IndexSet leased;
    bool in_closed = false;
    IndexSet own_in_closed;

    const GroupRecord* group_of(JobIndex index) const;
    IndexSet refused() const;
    IndexSet all() const { return IndexSet::range(0, envelope->job_count); }
  };

  // ---- fsck.cc: rows into books.
  void add(Table table, std::string_view key, const Blob& value);
  void add_meta(std::string_view key, const Blob& value);
  void add_batch_part(std::string_view key, const Blob& value);
  void add_outcomes(std::string_view key, const Blob& value);
  void add_own(std::string_view key, const Blob& value);
  void add_ready(std::string_view key, const Blob& value);
  void add_lease(std::string_view key, const Blob& value);
  void add_closed(const Blob& value);
  void count_records(const BatchId& id, Batch& batch, const BatchPart& part);
  void found(std::string what);

  // ---- fsck_jobs.cc: each job is in one place.
  void check_batch(const BatchId& id, Batch& batch);
  void check_envelope(const BatchId& id, const Batch& batch);
  void check_outcomes(const BatchId& id, const Batch& batch);
  void check_end(const BatchId& id, const Batch& batch);
  void check_own(const BatchId& id, const Batch& batch);
  void check_segment(LaneNumber number, Position position, const std::vector<ReadyRun>& runs);
  void check_run(LaneNumber number, const ReadyRun& run);
  void check_ready_job(LaneNumber number, Position position, const JobId& id);
  bool lane_fits(LaneNumber number, QueueNumber queue, const GroupRecord& group) const;
  void check_agenda();
  void check_agenda_run(const std::string& key, const AgendaRecord& record);
  void settle_states(const BatchId& id, const Batch& batch);

  // ---- fsck_indexes.cc: what else is said of jobs agrees with them.
  void check_names();
  void check_lanes();
  void check_leases();
  void check_leased(Token token, const LeasedJobs& leased);
  void check_listed();
  void expect_listed(const keys::Listing& listing, const IndexSet& jobs);
  void check_dead();
  void check_counts();

  FsckReport report;
  std::optional<EngineRecord> engine;
  std::map<QueueNumber, QueueName> queues;
  std::map<TypeNumber, std::string> types;
  std::map<QueueNumber, CountsRecord> counts;
  std::map<BatchId, Batch> batches;
  std::map<std::pair<LaneNumber, Position>, std::vector<ReadyRun>> segments;
  std::map<std::pair<LaneNumber, Position>, JobId> ready_jobs;
  std::map<LaneNumber, LaneRecord> lanes;
  std::map<std::string, AgendaRecord> agenda;
  std::set<SessionId> sessions;
  std::map<Token, GrantRecord> grants;
  std::map<std::string, IndexSet> listed;
  std::map<std::string, IndexSet> listed_expected;
  std::set<std::string> dead;
};

std::string text_of(const JobId& id);

}  // namespace pawl::core
