#include <algorithm>

#include "broker/core/assert.h"
#include "broker/core/bytes_io.h"
#include "broker/core/engine_state.h"
#include "broker/core/stored_batch.h"

namespace pawl::core {

namespace {

std::vector<Range> reap_ranges(const std::vector<BatchId>& batches,
                               const std::vector<JobId>& jobs) {
  std::vector<Range> ranges;
  for (const BatchId& batch : batches) {
    for (const Table table : {Table::batches, Table::outcomes, Table::jobs, Table::results}) {
      ranges.push_back(keys::of_batch(table, batch));
    }
  }
  for (const JobId& job : jobs) {
    ranges.push_back(keys::of_job(Table::jobs, job));
    ranges.push_back(keys::of_job(Table::results, job));
  }
  return ranges;
}

}  // namespace

// Erases what is past its retention: the batches of the oldest due row of `closed`, some at a time.
void Engine::State::reap() {
  if (reaping || now.at < next_reap || stopping) return;
  reaping = true;
  Read read;
  read.ranges.push_back(keys::all(Table::closed));
  read.rows_max = 1;
  reads.ask(std::move(read), [this](View& view) {
    static constexpr Milliseconds kNothingDue = std::chrono::hours{1};
    next_reap = now.at + kNothingDue;
    if (view.rows.empty()) {
      reaping = false;
      return;
    }
    const View::Row& row = view.rows.front();
    const Timestamp due = timestamp_from_ms(Reader(row.key).be64());
    if (due > now.at) {
      next_reap = std::min(next_reap, due);
      reaping = false;
      return;
    }
    auto record_of_row = ClosedRecord::decode(row.value.view());
    PAWL_ASSERT(record_of_row);
    reap_some(std::move(*record_of_row), row.key);
  });
}

// The pace: one read and one set of erases, then others come first.
void Engine::State::reap_some(ClosedRecord row, std::string key) {
  const std::size_t at_once = settings.grain.reaped_at_once;
  std::vector<BatchId> some_batches;
  std::vector<JobId> some_jobs;
  while (!row.batches.empty() && some_batches.size() < at_once) {
    some_batches.push_back(row.batches.back());
    row.batches.pop_back();
  }
  while (!row.jobs.empty() && some_jobs.size() + some_batches.size() < at_once) {
    some_jobs.push_back(row.jobs.back());
    row.jobs.pop_back();
  }
  if (some_batches.empty() && some_jobs.empty()) {
    open->erase(Table::closed, key);
    reaping = false;
    next_reap = now.at;  // The next row may be due as well.
    return;
  }
  Read read;
  read.ranges = reap_ranges(some_batches, some_jobs);
  read.bytes_max = SIZE_MAX;
  const std::vector<Range> ranges = read.ranges;
  reads.ask(std::move(read),
            [this, ranges, rest = std::move(row), row_key = std::move(key)](View& view) mutable {
              auto stored = group_by_batch(view, ranges);
              for (const View::Row& found : view.rows) {
                const bool receipt =
                    found.key.size() == 18 &&
                    Reader(std::string_view(found.key).substr(16)).be16() == keys::kReceiptPart;
                if (!receipt) open->erase(ranges[found.range].table, found.key);
              }
              for (auto& [id, batch] : stored) reap_batch(id, batch);
              reap_some(std::move(rest), std::move(row_key));
            });
}

// What refers to a batch goes with it; dead letters that live longer take their payload along.
void Engine::State::reap_batch(const BatchId& id, StoredBatch& stored) {
  const auto close_listing = [&](Queue& queue, JobState state, TypeNumber type, Timestamp at,
                                 std::uint64_t part, std::size_t count) {
    open->erase(Table::listed, keys::listed({queue.number, state, type, at, id, part}));
    drop_count(queue, state, count);
  };
  for (auto& [index, own] : stored.own) {
    Queue& queue = names.queue(own.queue);
    const GroupRecord* group = own.group ? &*own.group : nullptr;
    if (stored.head) {
      for (const GroupRecord& candidate : stored.head->envelope.groups) {
        if (candidate.jobs.contains(index)) group = &candidate;
      }
    }
    if (group == nullptr) continue;
    const bool lives_on =
        own.state == JobState::failed && own.finished_at + queue.settings->dead_retention > now.at;
    if (lives_on && stored.head) {
      own.group = *group;
      own.defaults = stored.head->defaults;
      own.record = stored.record_of(index);
    }
    if (lives_on) {
      open->put(Table::jobs, keys::job(id.job(index)), own.encode());
      closed[own.finished_at + queue.settings->dead_retention].jobs.push_back(id.job(index));
      continue;
    }
    if (own.state == JobState::failed)
      open->erase(Table::dead, keys::dead(own.queue, own.finished_at, id.job(index)));
    close_listing(queue, own.state, group->type, own.finished_at, keys::kListedAlone | index, 1);
  }
  if (!stored.head) return;
  const Envelope& envelope = stored.head->envelope;
  Queue& queue = names.queue(envelope.queue);
  for (std::size_t i = 0; i < stored.outcomes.size(); ++i) {
    for (const OutcomeEntry& entry : stored.outcomes[i].entries) {
      for (const GroupRecord& group : envelope.groups) {
        const std::size_t count = group.jobs.count_common(entry.jobs);
        if (count == 0) continue;
        close_listing(queue, entry.state, group.type, entry.finished_at, stored.outcome_commits[i],
                      count);
      }
    }
  }
  const Timestamp window_end =
      timestamp_from_ms(id.time_ms()) + limits::kReceiptWindow + limits::kIdAheadMax;
  if (window_end <= now.at) return;
  open->put(Table::batches, keys::batch_part(id, keys::kReceiptPart),
            Receipt{envelope.queue, envelope.hash, envelope.refused}.encode(), {}, window_end);
}

void Engine::State::drop_count(Queue& queue, JobState state, std::size_t count) {
  std::uint64_t& counted = queue.counts.of(state);
  PAWL_ASSERT(counted >= count);
  counted -= count;
  sums.of(state) -= count;
  if (queue.counts_dirty) return;
  queue.counts_dirty = true;
  dirty_counts.push_back(queue.number);
}

}  // namespace pawl::core
