#include <algorithm>
#include <iterator>
#include <utility>

#include "broker/core/assert.h"
#include "broker/core/engine_state.h"

namespace pawl::core {

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

void Engine::State::list_entries(const Batch& batch, const std::vector<OutcomeEntry>& entries) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    for (const GroupRecord& group : batch.groups) {
      // All entries of one state, type and minute share a row; the first of them writes it.
      const auto same = [&](std::size_t other) {
        return entries[other].state == entries[i].state &&
               keys::minute_of(entries[other].finished_at) ==
                   keys::minute_of(entries[i].finished_at);
      };
      bool written = false;
      for (std::size_t earlier = 0; earlier < i; ++earlier) written |= same(earlier);
      if (written) continue;
      IndexSet jobs;
      for (std::size_t other = i; other < entries.size(); ++other) {
        if (!same(other)) continue;
        for (const GroupRecord& sharing : batch.groups) {
          if (sharing.type == group.type) jobs.insert(entries[other].jobs.common(sharing.jobs));
        }
      }
      if (jobs.empty()) continue;
      open->put(Table::listed,
                keys::listed({batch.queue, entries[i].state, group.type, entries[i].finished_at,
                              batch.id, open_seq()}),
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
    open->put(Table::closed, keys::closed(reap_at, open_seq()), row.encode());
  }
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
  return changes;
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
