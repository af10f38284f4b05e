#include <algorithm>

#include "broker/core/assert.h"
#include "broker/core/bytes_io.h"
#include "broker/core/engine_state.h"
#include "broker/core/stored_batch.h"

namespace pawl::core {

namespace {

constexpr std::size_t kBytesAtOnce = 8 << 20;
constexpr Milliseconds kNothingDue = std::chrono::hours{1};

// What has to be looked at, so that nothing is left behind: of results the keys are known from the
// outcomes.
std::vector<Range> reap_ranges(const ClosedRecord& some) {
  std::vector<Range> ranges;
  for (const BatchId& batch : some.batches) {
    for (const Table table : {Table::batches, Table::outcomes, Table::jobs}) {
      ranges.push_back(keys::of_batch(table, batch));
    }
  }
  for (const JobId& job : some.jobs) ranges.push_back(keys::of_job(Table::jobs, job));
  return ranges;
}

template <class T>
void take_last(std::vector<T>& from, std::size_t count, std::vector<T>& into) {
  const std::size_t taken = std::min(count, from.size());
  into.assign(from.end() - static_cast<std::ptrdiff_t>(taken), from.end());
  from.resize(from.size() - taken);
}

bool is_receipt(std::string_view key) {
  return key.size() == 18 && Reader(key.substr(16)).be16() == keys::kReceiptPart;
}

}  // namespace

bool Engine::State::may_reap() const {
  return !reap_reads && !stopping && open_seq() > reap_after && has_room_for_due();
}

// Erases what is past its retention: the batches of the oldest due row of `closed`, some at a time.
void Engine::State::reap() {
  if (!may_reap()) return;
  if (!reap_key.empty()) return reap_some(settings.grain.reaped_at_once);
  if (now.at < next_reap) return;
  first_closed = keys::all(Table::closed).to;
  next_reap = now.at + kNothingDue;
  read_closed(reap_from);
}

// Looks for the first row from `from` on. What stood before it is gone; looking there again would
// pass all that was erased.
void Engine::State::read_closed(const std::string& from) {
  reap_reads = true;
  Read read;
  read.ranges.push_back(keys::all(Table::closed));
  read.ranges.back().from = from;
  read.rows_max = 1;
  reads.ask(std::move(read), [this](View& view) {
    reap_reads = false;
    if (view.rows.empty() && !view.complete) return read_closed(view.stopped_key);
    if (view.rows.empty()) return;
    const View::Row& row = view.rows.front();
    // Nothing stands before it but what was closed while it was looked for.
    reap_from = std::min(row.key, first_closed);
    Reader key(row.key);
    const Timestamp due = timestamp_from_ms(key.be64());
    next_reap = std::min(next_reap, due);
    if (due > now.at) return;
    // A row of the open commit may still grow.
    reap_after = key.be64();
    if (reap_after >= open_seq()) return;
    auto record_of_row = ClosedRecord::decode(row.value.view());
    PAWL_ASSERT(record_of_row);
    reap_key = row.key;
    reap_row = std::move(*record_of_row);
  });
}

// The pace: one read and one set of erases, then others come first.
void Engine::State::reap_some(std::size_t at_once) {
  if (reap_row.batches.empty() && reap_row.jobs.empty()) {
    open->erase(Table::closed, std::exchange(reap_key, {}));
    return;
  }
  ClosedRecord some;
  take_last(reap_row.batches, at_once, some.batches);
  if (some.batches.empty()) take_last(reap_row.jobs, at_once, some.jobs);
  Read read;
  read.ranges = reap_ranges(some);
  read.bytes_max = at_once == 1 ? SIZE_MAX : kBytesAtOnce;
  const std::vector<Range> ranges = read.ranges;
  reap_reads = true;
  reads.ask(std::move(read), [this, ranges, some = std::move(some)](View& view) {
    reap_reads = false;
    if (!view.complete) {  // Large ones: one after the other.
      reap_row.batches.insert(reap_row.batches.end(), some.batches.begin(), some.batches.end());
      reap_row.jobs.insert(reap_row.jobs.end(), some.jobs.begin(), some.jobs.end());
      return reap_some(1);
    }
    reap_found(view, ranges);
  });
}

void Engine::State::reap_found(const View& view, const std::vector<Range>& ranges) {
  auto stored = group_by_batch(view, ranges);
  std::map<BatchId, std::vector<const View::Row*>> rows;
  for (const View::Row& row : view.rows) rows[Reader(row.key).id().batch()].push_back(&row);
  for (auto& [id, batch] : stored) {
    if (const auto until = stays_until(batch)) {
      close_at(*until).batches.push_back(id);
      continue;
    }
    if (is_full()) {
      reap_later(id, batch);
      continue;
    }
    for (const View::Row* row : rows.at(id)) {
      if (!is_receipt(row->key)) open->erase(ranges[row->range].table, row->key);
    }
    reap_batch(id, batch);
  }
}

// Dead letters that outlive their batch take their payload along. Where that is much to write, for
// defaults are taken along by each of them, the batch stays as it is for the last one.
std::optional<Timestamp> Engine::State::stays_until(const StoredBatch& stored) const {
  if (!stored.head) return std::nullopt;
  const Milliseconds kept = names.queue(stored.head->envelope.queue).settings->dead_retention;
  std::size_t bytes = 0;
  Timestamp last{};
  for (const auto& [index, own] : stored.own) {
    if (own.state != JobState::failed || own.finished_at + kept <= now.at) continue;
    bytes += own.encode().size() + stored.head->defaults.size() + stored.record_of(index).size();
    last = std::max(last, own.finished_at + kept);
  }
  if (bytes <= settings.grain.taken_along_bytes) return std::nullopt;
  return last;
}

void Engine::State::reap_later(const BatchId& id, const StoredBatch& stored) {
  if (stored.head) return reap_row.batches.push_back(id);
  for (const auto& [index, own] : stored.own) reap_row.jobs.push_back(id.job(index));
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
    if (own.result_apart) open->erase(Table::results, keys::job(id.job(index)));
    const bool lives_on =
        own.state == JobState::failed && own.finished_at + queue.settings->dead_retention > now.at;
    if (lives_on && stored.head) {
      own.group = *group;
      own.defaults = stored.head->defaults;
      own.record = stored.record_of(index);
    }
    if (lives_on) {
      open->put(Table::jobs, keys::job(id.job(index)), own.encode());
      close_at(own.finished_at + queue.settings->dead_retention).jobs.push_back(id.job(index));
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
      if (!entry.result_apart) continue;
      entry.jobs.for_each(
          [&](JobIndex index) { open->erase(Table::results, keys::job(id.job(index))); });
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
