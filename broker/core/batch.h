#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include <boost/container/small_vector.hpp>

#include "broker/core/position.h"
#include "broker/core/records.h"

namespace pawl::core {

class Batches;

// A run of a batch whose ready entry is in a lane's window.
struct RunPlace {
  LaneNumber lane = 0;
  Position segment;  // The ready entry that it is part of.
  Sequence sequence = 0;
  IndexSet jobs;
  std::uint32_t open = 0;  // Jobs that have neither finished nor moved.
};

// A batch in memory: some of its jobs wait in a window, are leased, or are being looked at.
// Everything about it is loaded; the clients' bytes may have been shed again, since none of its
// jobs waits. Lives as long as somebody holds it; what has changed is held until it is written.
struct Batch {
  Batch(Batches& all, BatchId id);
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  const GroupRecord& group_of(JobIndex index) const;
  // The jobs' bytes as they came, in as few pieces as possible. REQUIRES: jobs of this batch.
  void records_of(const IndexSet& jobs, std::vector<Blob>& out);
  bool closed() const { return finished.count() == job_count; }
  bool holds_payload() const { return !parts.empty(); }
  // Whether some of its jobs wait in a window.
  bool waits() const;
  // Forgets the clients' bytes, which can be read again.
  void shed_payload();
  RunPlace* run_of(JobIndex index);

  BatchId id;
  QueueNumber queue = 0;
  Timestamp accepted_at{};
  std::uint16_t job_count = 0;
  boost::container::small_vector<GroupRecord, 1> groups;
  Blob defaults;
  boost::container::small_vector<BatchPart, 1> parts;

  IndexSet finished;  // Refused jobs included.
  IndexSet moved;
  IndexSet leased;
  IndexSet leased_before;                           // Was leased in this epoch.
  boost::container::small_vector<Token, 1> tokens;  // Grants that hold some of its jobs.
  boost::container::small_vector<RunPlace, 1> runs;
  std::map<JobIndex, std::unique_ptr<JobRecord>> own;  // Of the moved jobs.

  bool dirty = false;
  std::vector<OutcomeEntry> entries;  // Of the open commit.

  void count_bytes();
  std::size_t bytes() const { return bytes_; }  // In memory.
  std::size_t record_bytes() const { return record_bytes_; }

 private:
  struct Cursor {
    std::size_t part = 0;
    JobIndex index = 0;
    std::size_t offset = 0;
  };
  // Bytes of job cursor.index at cursor; moves on to the next job.
  std::size_t step(Cursor& cursor) const;
  void seek(Cursor& cursor, JobIndex index) const;

  Batches& all_;
  Cursor cursor_;
  std::size_t bytes_ = 0;
  std::size_t record_bytes_ = 0;
};

using BatchPtr = std::shared_ptr<Batch>;

// The batches that are in memory.
class Batches {
 public:
  BatchPtr find(const BatchId& id) const;
  BatchPtr create(const BatchId& id);

  std::size_t bytes() const { return bytes_; }
  std::size_t count() const { return batches_.size(); }

 private:
  friend struct Batch;
  std::unordered_map<BatchId, std::weak_ptr<Batch>, JobIdHash> batches_;
  std::size_t bytes_ = 0;
};

// Size of the job's entry (tag, length, message) at the start of `records`; 0 when there is none or
// it is cut short.
std::size_t record_size(std::string_view records);

}  // namespace pawl::core
