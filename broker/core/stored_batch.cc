#include "broker/core/stored_batch.h"

#include "broker/core/assert.h"
#include "broker/core/batch.h"
#include "broker/core/bytes_io.h"

namespace pawl::core {

namespace {

void add_row(StoredBatch& stored, Table table, const JobId& id, std::uint64_t suffix,
             const Blob& value) {
  switch (table) {
    case Table::batches:
      if (suffix == keys::kReceiptPart) return;
      if (suffix == 0) {
        stored.head = decode_batch_head(value);
        PAWL_ASSERT(stored.head);
        stored.parts.push_back(stored.head->part);
      } else {
        auto more = decode_batch_part(value);
        PAWL_ASSERT(more);
        stored.parts.push_back(std::move(*more));
      }
      return;
    case Table::outcomes: {
      auto outcomes = OutcomesRecord::decode(value);
      PAWL_ASSERT(outcomes);
      stored.outcomes.push_back(std::move(*outcomes));
      stored.outcome_commits.push_back(suffix);
      return;
    }
    case Table::jobs: {
      auto own = JobRecord::decode(value);
      PAWL_ASSERT(own);
      stored.own.emplace(id.index(), std::move(*own));
      return;
    }
    case Table::results: {
      StoredBatch::Result result;
      PAWL_ASSERT(decode_result(value, result.content_type, result.bytes));
      stored.results.emplace(id.index(), std::move(result));
      return;
    }
    default:
      PAWL_ASSERT(false);
  }
}

}  // namespace

const OutcomeEntry* StoredBatch::outcome_of(JobIndex index) const {
  for (const OutcomesRecord& commit : outcomes) {
    for (const OutcomeEntry& entry : commit.entries) {
      if (entry.jobs.contains(index)) return &entry;
    }
  }
  return nullptr;
}

Blob StoredBatch::record_of(JobIndex index) const {
  const BatchPart* part = nullptr;
  for (const BatchPart& candidate : parts) {
    if (candidate.first <= index) part = &candidate;
  }
  if (part == nullptr) return {};
  std::size_t offset = 0;
  for (JobIndex at = part->first;; ++at) {
    const std::size_t size = record_size(part->records.view().substr(offset));
    if (size == 0) return {};
    if (at == index) return part->records.slice(offset, size);
    offset += size;
  }
}

std::map<BatchId, StoredBatch> group_by_batch(const View& view, const std::vector<Range>& ranges) {
  std::map<BatchId, StoredBatch> grouped;
  for (const View::Row& row : view.rows) {
    const Table table = ranges[row.range].table;
    if (table == Table::agenda) continue;  // Keyed by time.
    Reader key(row.key);
    const JobId id = key.id();
    std::uint64_t suffix = 0;  // Part or commit.
    if (row.key.size() == 18) suffix = key.be16();
    if (row.key.size() == 24) suffix = key.be64();
    add_row(grouped[id.batch()], table, id, suffix, row.value);
  }
  return grouped;
}

}  // namespace pawl::core
