#include <algorithm>
#include <iterator>
#include <utility>

#include "broker/core/assert.h"
#include "broker/core/bytes_io.h"
#include "broker/core/engine_state.h"

namespace pawl::core {

namespace {

// The tables of a batch tell themselves apart by the length of their keys.
constexpr std::size_t kJobKeyBytes = 16;
constexpr std::size_t kPartKeyBytes = 18;
constexpr std::size_t kOutcomesKeyBytes = 24;

void add_batch_ranges(const BatchId& id, std::vector<Range>& ranges) {
  ranges.push_back(keys::of_batch(Table::batches, id));
  ranges.push_back(keys::of_batch(Table::outcomes, id));
  ranges.push_back(keys::of_batch(Table::jobs, id));
}

Position position_of(const View::Row& row) {
  Reader key(std::string_view(row.key).substr(8));
  Position position;
  position.sequence = key.be64();
  position.slot = key.be16();
  return position;
}

// What one ready entry refers to.
struct ReadyEntry {
  std::vector<ReadyRun> runs;
  JobId own;  // Of a job that came back alone.
  std::size_t own_bytes = 0;
};

ReadyEntry decode_entry(const View::Row& row) {
  ReadyEntry entry;
  if (position_of(row).slot == 0) {
    auto runs = decode_segment(row.value.view());
    PAWL_ASSERT(runs);
    entry.runs = std::move(*runs);
  } else {
    const auto job = ReadyJob::decode(row.value.view());
    PAWL_ASSERT(job);
    entry.own = job->job;
    entry.own_bytes = job->bytes;
  }
  return entry;
}

std::size_t bytes_of(const ReadyEntry& entry) {
  std::size_t bytes = 1024 + entry.own_bytes;
  for (const ReadyRun& run : entry.runs) bytes += run.bytes;
  return bytes;
}

}  // namespace

// Runs `user` with the batch, at once when it is in memory, or with null when there is no such
// batch. Users of one batch keep their order.
void Engine::State::with_batch(const BatchId& id, BatchUser user) {
  const auto waiting = loading_batches.find(id);
  if (waiting != loading_batches.end()) {
    waiting->second.push_back(std::move(user));
    return;
  }
  if (const BatchPtr known = batches.find(id)) return user(known);
  loading_batches[id].push_back(std::move(user));
  Read read;
  add_batch_ranges(id, read.ranges);
  read.bytes_max = SIZE_MAX;
  reads.ask(std::move(read), [this, id](View& view) {
    BatchPtr batch = batches.find(id);
    if (batch == nullptr) batch = install_batch(id, view, 0, view.rows.size());
    serve_users(id, batch);
  });
}

// Runs what waits for the batch, as much as one commit takes; new users wait behind the rest.
void Engine::State::serve_users(const BatchId& id, const BatchPtr& batch) {
  auto users = std::move(loading_batches.at(id));
  loading_batches.erase(id);
  for (auto user = users.begin(); user != users.end(); ++user) {
    if (batch != nullptr && is_full()) {
      loading_batches[id].assign(std::make_move_iterator(user),
                                 std::make_move_iterator(users.end()));
      return put_off([this, id, batch] { serve_users(id, batch); });
    }
    (*user)(batch);
  }
}

// Makes a batch of its rows [first, end); null when part 0 is not among them.
BatchPtr Engine::State::install_batch(const BatchId& id, const View& view, std::size_t first,
                                      std::size_t end) {
  std::optional<BatchHead> head;
  // Copied: a batch that stays for long must not keep everything that was read beside it.
  if (first < end && view.rows[first].key == keys::batch_part(id, 0))
    head = decode_batch_head(Blob::copy_of(view.rows[first].value.view()));
  if (!head) return nullptr;
  BatchPtr batch = batches.create(id);
  batch->queue = head->envelope.queue;
  batch->accepted_at = head->envelope.accepted_at;
  batch->job_count = head->envelope.job_count;
  batch->groups.assign(head->envelope.groups.begin(), head->envelope.groups.end());
  batch->defaults = head->defaults;
  batch->parts.push_back(std::move(head->part));
  for (const RefusedJob& job : head->envelope.refused) batch->finished.insert(job.index);
  for (std::size_t i = first + 1; i < end; ++i) {
    const View::Row& row = view.rows[i];
    if (row.key.size() == kPartKeyBytes) {
      auto part = decode_batch_part(Blob::copy_of(row.value.view()));
      PAWL_ASSERT(part);
      batch->parts.push_back(std::move(*part));
    } else if (row.key.size() == kOutcomesKeyBytes) {
      auto outcomes = OutcomesRecord::decode(row.value);
      PAWL_ASSERT(outcomes);
      batch->finished = outcomes->finished;
      batch->moved = outcomes->moved;
    } else if (row.key.size() == kJobKeyBytes) {
      auto own = JobRecord::decode(Blob::copy_of(row.value.view()));
      PAWL_ASSERT(own);
      if (!is_final(own->state)) {
        batch->own[Reader(row.key).id().index()] = std::make_unique<JobRecord>(std::move(*own));
      }
    }
  }
  batch->count_bytes();
  adopt_leases(batch);
  return batch;
}

// Leases that outlived a restart meet their batch.
void Engine::State::adopt_leases(const BatchPtr& batch) {
  const auto found = restored_leases.find(batch->id);
  if (found == restored_leases.end()) return;
  for (const Token token : found->second) {
    Grant* grant = sessions.find_grant(token);
    if (grant == nullptr) continue;
    for (GrantPart& part : grant->parts) {
      if (part.leased.batch != batch->id || part.leased.jobs.empty()) continue;
      part.batch = batch;
      batch->leased.insert(part.leased.jobs);
      batch->leased_before.insert(part.leased.jobs);
      batch->tokens.push_back(token);
    }
  }
  restored_leases.erase(found);
}

// Pages in ahead of need, as long as the window has room for it.
void Engine::State::top_up(Lane& lane) {
  if (lane.all_loaded() || lane.loading || batches.bytes() > settings.window_bytes / 2) return;
  page_lane(lane);
}

// Asks for the lane's next page, or queues for it: what is read at once is bounded.
void Engine::State::page_lane(Lane& lane) {
  lane.loading = true;
  ++names.queue(lane.queue).lanes_loading;
  if (pages_under_way >= settings.grain.pages_at_once) {
    lanes_to_page.push_back(lane.number);
    return;
  }
  ++pages_under_way;
  ask_page(lane);
}

void Engine::State::page_over(Lane& lane) {
  lane.loading = false;
  --names.queue(lane.queue).lanes_loading;
  --pages_under_way;
  touch(lane);
  wake(lane);
  while (!lanes_to_page.empty() && pages_under_way < settings.grain.pages_at_once) {
    Lane* next = find_lane(lanes_to_page.front());
    PAWL_ASSERT(next != nullptr && next->loading);
    lanes_to_page.pop_front();
    if (parked_deadlines.empty()) {  // Nobody waits any more: a fetch will ask again.
      next->loading = false;
      --names.queue(next->queue).lanes_loading;
      scheduler.update(names.queue(next->queue), *next);
      continue;
    }
    ++pages_under_way;
    ask_page(*next);
  }
}

void Engine::State::ask_page(Lane& lane) {
  flush_fresh(lane);
  const LaneNumber number = lane.number;
  const Position end{lane.tail + 1, 0};
  const CommitSeq after = open->seq - (open->empty() ? 1 : 0);
  Read read;
  read.ranges.push_back(
      {Table::ready, keys::ready(number, lane.loaded_to), keys::ready(number, end)});
  read.rows_max = settings.grain.page_rows;
  reads.ask(std::move(read), [this, number, end, after](View& view) {
    Lane* target = find_lane(number);
    PAWL_ASSERT(target != nullptr);
    std::size_t bytes = 0;
    std::size_t taken = 0;
    while (taken < view.rows.size() && (taken == 0 || bytes < settings.grain.page_bytes))
      bytes += bytes_of(decode_entry(view.rows[taken++]));
    Position next = end;
    if (taken < view.rows.size()) {
      next = position_of(view.rows[taken]);
      view.rows.resize(taken);
    } else if (!view.complete) {
      Reader stopped(std::string_view(view.stopped_key).substr(8));
      next.sequence = stopped.be64();
      next.slot = stopped.be16();
    }
    page_batches(*target, std::move(view.rows), next, after);
  });
}

// Second half of a page: the batches of its ready entries.
void Engine::State::page_batches(Lane& lane, std::vector<View::Row> ready, Position next,
                                 CommitSeq after) {
  lane.page = std::make_unique<LanePage>();
  lane.page->end = next;
  Read read;
  read.bytes_max = SIZE_MAX;
  std::vector<BatchPtr> held;  // What is in memory now stays there until the page is installed.
  const auto want = [&](const BatchId& id, bool untouched) {
    if (BatchPtr known = batches.find(id)) return held.push_back(std::move(known));
    if (!lane.page->batches.insert(id).second) return;
    if (untouched) {
      read.ranges.push_back(keys::of_batch(Table::batches, id));
    } else {
      add_batch_ranges(id, read.ranges);
    }
  };
  for (const View::Row& row : ready) {
    const ReadyEntry entry = decode_entry(row);
    for (const ReadyRun& run : entry.runs) want(run.batch, run.whole && run.sequence > lane.mark);
    if (position_of(row).slot != 0) want(entry.own.batch(), false);
  }
  auto then = [this, number = lane.number, after, held, rows = std::move(ready)](View& view) {
    Lane* target = find_lane(number);
    PAWL_ASSERT(target != nullptr && target->page != nullptr);
    const std::unique_ptr<LanePage> page = std::move(target->page);
    if (page->stale) return ask_page(*target);
    install_page(*target, rows, view, after);
    target->loaded_to = page->end.sequence > target->tail ? Lane::kEnd : page->end;
    target->returned = target->returned && !target->all_loaded();
    page_over(*target);
  };
  if (read.ranges.empty()) {
    View nothing;
    then(nothing);
    return;
  }
  reads.ask(std::move(read), std::move(then));
}

// A job that stands outside of the window has changed.
void Engine::State::edited(Lane& lane, const BatchId& batch, Position position) {
  if (lane.page == nullptr) return;
  const bool stands_in_it = lane.loaded_to <= position && position < lane.page->end;
  lane.page->stale |= stands_in_it || lane.page->batches.count(batch) != 0;
}

void Engine::State::install_page(Lane& lane, const std::vector<View::Row>& ready, const View& view,
                                 CommitSeq after) {
  // The rows of a batch follow each other; the batches stay alive until the page is installed.
  std::vector<BatchPtr> alive;
  for (std::size_t first = 0; first < view.rows.size();) {
    const BatchId id = Reader(view.rows[first].key).id().batch();
    std::size_t end = first + 1;
    while (end < view.rows.size() && Reader(view.rows[end].key).id().batch() == id) ++end;
    BatchPtr batch = batches.find(id);
    if (batch == nullptr) batch = install_batch(id, view, first, end);
    if (batch != nullptr) alive.push_back(std::move(batch));
    first = end;
  }
  for (const View::Row& row : ready) {
    const ReadyEntry entry = decode_entry(row);
    const Position position = position_of(row);
    if (position.slot == 0) {
      install_segment(lane, position, entry.runs, after);
    } else {
      install_own(lane, position, entry.own, after);
    }
  }
}

void Engine::State::install_segment(Lane& lane, Position position,
                                    const std::vector<ReadyRun>& runs, CommitSeq after) {
  std::uint32_t left = 0;
  for (const ReadyRun& run : runs) {
    const BatchPtr batch = batches.find(run.batch);
    if (batch == nullptr) continue;  // Over and reaped.
    IndexSet open_jobs = run.jobs;
    open_jobs.erase(batch->finished);
    open_jobs.erase(batch->moved);
    if (open_jobs.empty()) continue;
    ++left;
    batch->runs.push_back({lane.number, position, run.sequence, run.jobs,
                           static_cast<std::uint32_t>(open_jobs.count())});
    open_jobs.erase(batch->leased);
    if (!open_jobs.empty())
      place_waiting(lane, {run.sequence, 0}, {batch, open_jobs, after, lane.returned});
  }
  if (left > 0) {
    lane.opened().segments[position] = left;
  } else {
    open->erase_once(Table::ready, keys::ready(lane.number, position));
  }
}

void Engine::State::install_own(Lane& lane, Position position, const JobId& job, CommitSeq after) {
  const BatchPtr batch = batches.find(job.batch());
  const bool stands = batch != nullptr && batch->own.count(job.index()) != 0 &&
                      batch->own.at(job.index())->position == position;
  if (!stands) {
    open->erase(Table::ready, keys::ready(lane.number, position));
    return;
  }
  const bool leased = batch->leased.contains(job.index());
  if (!leased && batch->own.at(job.index())->cancel_requested) {
    return finish_cancelled(batch, job.index(), JobState::processing);
  }
  lane.opened().segments[position] = 1;
  if (leased) return;
  place_waiting(lane, position, {batch, IndexSet::single(job.index()), after, true});
}

}  // namespace pawl::core
