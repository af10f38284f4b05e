#include <algorithm>
#include <iterator>
#include <utility>

#include "broker/core/assert.h"
#include "broker/core/engine_state.h"

namespace pawl::core {

namespace {

// Adds jobs under a key of which there are few.
template <class Key>
void add_to(std::vector<std::pair<Key, IndexSet>>& sets, const Key& key, const IndexSet& jobs) {
  for (auto& [known, set] : sets) {
    if (known == key) return set.insert(jobs);
  }
  sets.emplace_back(key, jobs);
}

}  // namespace

// Outcomes and lists of one batch in this commit. Written again, whole, when more is added before
// the commit closes.
void Engine::State::flush_batch(Batch& batch) {
  OutcomesRecord outcomes;
  outcomes.finished = batch.finished;
  outcomes.moved = batch.moved;
  outcomes.entries = std::move(batch.entries);
  open->put(Table::outcomes, keys::outcomes(batch.id, open_seq()), outcomes.encode());
  list_entries(batch, outcomes.entries);
  batch.entries = std::move(outcomes.entries);
}

// All that ended in one state and minute shares a row for each type.
void Engine::State::list_entries(const Batch& batch, const std::vector<OutcomeEntry>& entries) {
  std::vector<std::pair<TypeNumber, IndexSet>> types;
  for (const GroupRecord& group : batch.groups) add_to(types, group.type, group.jobs);
  std::vector<std::pair<std::pair<JobState, std::uint32_t>, IndexSet>> ends;
  for (const OutcomeEntry& entry : entries) {
    add_to(ends, {entry.state, keys::minute_of(entry.finished_at)}, entry.jobs);
  }
  for (const auto& [end, ended] : ends) {
    for (const auto& [type, of_type] : types) {
      const IndexSet jobs = types.size() == 1 ? ended : ended.common(of_type);
      if (jobs.empty()) continue;
      const Timestamp at{std::chrono::minutes{end.second}};
      open->put(Table::listed,
                keys::listed({batch.queue, end.first, type, at, batch.id, open_seq()}),
                encode_indexes(jobs));
    }
  }
}

void Engine::State::flush_lane(Lane& lane) {
  lane.dirty = false;
  flush_fresh(lane);
  move_head(lane);
  open->put(
      Table::lanes, keys::lane(lane.number),
      LaneRecord{lane.queue, lane.type, lane.priority, lane.key, lane.head, lane.mark, lane.tail}
          .encode());
  if (lane.empty()) idle_lanes.push_back(lane.number);
}

// Writes what has changed in memory into the open commit. May be called again before the commit
// closes.
void Engine::State::flush() {
  for (const BatchPtr& batch : dirty_batches) {
    if (!std::exchange(batch->dirty, false)) continue;
    flush_batch(*batch);
    flushed_batches.push_back(batch);
  }
  dirty_batches.clear();
  for (const LaneNumber number : dirty_lanes) {
    Lane* lane = find_lane(number);
    if (lane != nullptr && lane->dirty) flush_lane(*lane);
  }
  dirty_lanes.clear();
  for (const QueueNumber number : dirty_counts) {
    Queue& queue = names.queue(number);
    queue.counts_dirty = false;
    open->put(Table::meta, keys::counts(number), queue.counts.encode());
  }
  dirty_counts.clear();
  for (const Token token : dirty_grants) {
    Grant* grant = sessions.find_grant(token);
    if (grant == nullptr) continue;
    grant->dirty = false;
    GrantRecord stored{grant->session, grant->at, {}};
    for (const GrantPart& part : grant->parts) {
      if (!part.leased.jobs.empty()) stored.jobs.push_back(part.leased);
    }
    open->put(Table::leases, keys::grant(token), stored.encode());
  }
  dirty_grants.clear();
  for (const auto& [reap_at, row] : closed) {
    const std::string key = keys::closed(reap_at, open_seq());
    open->put(Table::closed, key, row.encode());
    reap_from = std::min(reap_from, key);
    first_closed = std::min(first_closed, key);
  }
  unwritten_bytes = 0;
}

Changes Engine::State::seal() {
  loaded_to_cancel = 0;
  start_cancels();
  serve_woken();
  flush();
  closed.clear();
  for (const BatchPtr& batch : flushed_batches) batch->entries.clear();
  flushed_batches.clear();
  drop_idle_lanes();

  Changes changes;
  if (!open->empty()) {
    record.at = now.at;
    record.wall = now.wall;
    open->put(Table::meta, keys::engine(), record.encode());
    open->at = now.at;
    changes.commit = open;
    reads.sealed(open);
    auto next = std::make_shared<Commit>();
    next->seq = open->seq + 1;
    open = std::move(next);
  }
  const CommitSeq last = open->seq - 1;
  for (Reply& waiting : replies) waiting.after = std::min(waiting.after, last);
  changes.replies = std::exchange(replies, {});
  changes.reads = reads.take_questions();
  go_on();
  return changes;
}

void Engine::State::put_off(std::function<void()> rest) {
  put_off_steps.push_back(std::move(rest));
}

// The order stays: what a step puts off again comes before those behind it.
void Engine::State::go_on() {
  while (!put_off_steps.empty() && open_bytes() < settings.grain.commit_bytes) {
    const std::function<void()> step = std::move(put_off_steps.front());
    put_off_steps.pop_front();
    auto behind = std::exchange(put_off_steps, {});
    step();
    std::move(behind.begin(), behind.end(), std::back_inserter(put_off_steps));
  }
}

Changes Engine::State::loose() {
  // Lanes whose next job is of the open commit are served when it closes, together with what it
  // still gathers.
  const auto can_leave = [this](LaneNumber number) {
    const Lane* lane = find_lane(number);
    return lane != nullptr && lane->has_waiting() &&
           lane->window->waiting.begin()->second.after < open_seq();
  };
  for (std::size_t i = 0; i < woken_lanes.size(); ++i) {
    if (can_leave(woken_lanes[i])) serve(names.queue(find_lane(woken_lanes[i])->queue));
  }
  Changes changes;
  const auto staying =
      std::stable_partition(replies.begin(), replies.end(),
                            [this](const Reply& waiting) { return waiting.after >= open_seq(); });
  changes.replies.assign(std::make_move_iterator(staying), std::make_move_iterator(replies.end()));
  replies.erase(staying, replies.end());
  changes.reads = reads.take_questions();
  return changes;
}

}  // namespace pawl::core
