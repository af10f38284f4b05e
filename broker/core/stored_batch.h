#pragma once

#include <map>
#include <optional>
#include <vector>

#include "broker/core/reads.h"
#include "broker/core/records.h"

namespace pawl::core {

// Everything that the tables say of one batch, as far as it was asked for.
struct StoredBatch {
  struct Result {
    std::string content_type;
    Blob bytes;
  };
  std::optional<BatchHead> head;
  std::vector<BatchPart> parts;            // All that were read, part 0 included.
  std::vector<OutcomesRecord> outcomes;    // Oldest first.
  std::vector<CommitSeq> outcome_commits;  // Beside them.
  std::map<JobIndex, JobRecord> own;
  std::map<JobIndex, Result> results;

  // The outcome of a job on the plain path, or null.
  const OutcomeEntry* outcome_of(JobIndex index) const;
  // The bytes of a job (tag, length, message); empty when its part was not read.
  Blob record_of(JobIndex index) const;
};

// Rows by batch; those of the agenda are passed over.
std::map<BatchId, StoredBatch> group_by_batch(const View& view, const std::vector<Range>& ranges);

}  // namespace pawl::core
