#include <algorithm>

#include "broker/core/assert.h"
#include "broker/core/engine_state.h"

namespace pawl::core {

namespace {

// What rows take, about, that flush() writes.
constexpr std::size_t kRowBytes = 100;
constexpr std::size_t kRowsOfBatchBytes = 120;  // Outcomes, list, retention.
constexpr std::size_t kEntryBytes = 40;
constexpr std::size_t kRangeBytes = 4;
constexpr std::size_t kLeasedBytes = 40;

}  // namespace

// Every change of a job's state comes through here.
void Engine::State::change_state(Queue& queue, JobState from, JobState to, std::size_t count) {
  PAWL_ASSERT(may_become(from, to));
  const auto waits = [](JobState state) {
    return state == JobState::pending || state == JobState::processing;
  };
  if (waits(from) && waits(to)) return;
  if (from != JobState::none) {
    PAWL_ASSERT(queue.counts.of(from) >= count);
    queue.counts.of(from) -= count;
    sums.of(from) -= count;
  }
  queue.counts.of(to) += count;
  sums.of(to) += count;
  if (queue.counts_dirty) return;
  queue.counts_dirty = true;
  dirty_counts.push_back(queue.number);
}

void Engine::State::sync_for(const Queue& queue) {
  if (queue.settings->durability == Durability::synced) open->synced = true;
}

void Engine::State::changed(const BatchPtr& batch) {
  if (batch->dirty) return;
  batch->dirty = true;
  dirty_batches.push_back(batch);
  unwritten_bytes += kRowsOfBatchBytes +
                     kRangeBytes * (batch->finished.ranges().size() + batch->moved.ranges().size());
}

void Engine::State::changed(Grant& grant) {
  if (grant.dirty) return;
  grant.dirty = true;
  dirty_grants.push_back(grant.token);
  unwritten_bytes += kRowBytes + kLeasedBytes * (grant.parts.size() - grant.first_open);
}

// Jobs on the plain path end: one entry beside the others of this commit.
void Engine::State::finish_plain(const BatchPtr& batch, const IndexSet& jobs, JobState from,
                                 OutcomeEntry entry) {
  change_state(names.queue(batch->queue), from, entry.state, jobs.count());
  const std::size_t ranges = batch->finished.ranges().size();
  batch->finished.insert(jobs);
  if (batch->finished.ranges().size() > ranges) unwritten_bytes += 3 * kRangeBytes;
  const bool joins = !batch->entries.empty() && [&] {
    const OutcomeEntry& last = batch->entries.back();
    return last.state == entry.state && last.attempt == entry.attempt &&
           last.started_at == entry.started_at && last.finished_at == entry.finished_at &&
           last.worker_id == entry.worker_id && last.host == entry.host && !last.result_apart &&
           !entry.result_apart && last.result.empty() && entry.result.empty() &&
           last.content_type.empty() && entry.content_type.empty();
  }();
  if (joins) {
    batch->entries.back().jobs.insert(jobs);
  } else {
    unwritten_bytes += kEntryBytes + entry.worker_id.size() + entry.host.size() +
                       entry.content_type.size() + entry.result.size();
    batch->entries.push_back(std::move(entry));
  }
  run_over(*batch, jobs);
  after_finish(batch, jobs);
}

void Engine::State::after_finish(const BatchPtr& batch, const IndexSet& jobs) {
  changed(batch);
  if (!waiters_by_job.empty()) wake_waiters(*batch, jobs);
  if (!batch->closed()) return;
  Milliseconds retention{0};
  for (const GroupRecord& group : batch->groups)
    retention = std::max(retention, *group.options.retention);
  close_at(now.at + retention).batches.push_back(batch->id);
}

// What is put there is reaped from then on.
ClosedRecord& Engine::State::close_at(Timestamp reap_at) {
  next_reap = std::min(next_reap, reap_at);
  return closed[reap_at];
}

void Engine::State::store_result(const Batch& batch, const IndexSet& jobs, const Outcome& outcome,
                                 OutcomeEntry& entry) {
  entry.content_type = outcome.content_type;
  entry.result_apart = outcome.result.size() > limits::kInlineResultBytes;
  if (!entry.result_apart) {
    entry.result = outcome.result;
    return;
  }
  const std::string head = result_head(outcome.content_type);
  jobs.for_each([&](JobIndex index) {
    open->put(Table::results, keys::job(batch.id.job(index)), head, outcome.result);
  });
}

}  // namespace pawl::core
