#include <algorithm>
#include <utility>

#include "broker/core/assert.h"
#include "broker/core/bytes_io.h"
#include "broker/core/engine_state.h"

namespace pawl::core {

namespace {

Position position_in(std::string_view ready_key) {
  Reader key(ready_key.substr(8));
  Position position;
  position.sequence = key.be64();
  position.slot = key.be16();
  return position;
}

ReadyEntry decode_entry(const View::Row& row) {
  ReadyEntry entry;
  entry.position = position_in(row.key);
  if (entry.is_segment()) {
    auto runs = decode_segment(row.value.view());
    PAWL_ASSERT(runs);
    entry.runs = std::move(*runs);
  } else {
    const auto own = ReadyJob::decode(row.value.view());
    PAWL_ASSERT(own);
    entry.own = *own;
  }
  return entry;
}

// Adds an entry to the last part, or begins one when that has enough.
void add_entry(ReadyEntry entry, std::size_t part_bytes_max, LanePage& page,
               std::size_t& part_bytes) {
  if (page.parts.empty() || part_bytes >= part_bytes_max) {
    if (!page.parts.empty()) page.parts.back().end = entry.position;
    page.parts.emplace_back();
    part_bytes = 0;
  }
  part_bytes += entry.bytes();
  page.parts.back().entries.push_back(std::move(entry));
}

}  // namespace

std::size_t ReadyEntry::bytes() const {
  std::size_t total = 1024 + own.bytes;
  for (const ReadyRun& run : runs) total += run.bytes;
  return total;
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

// A job that stands outside of the window has changed.
void Engine::State::edited(Lane& lane, const BatchId& batch, Position position) {
  if (lane.page == nullptr) return;
  const bool stands_in_it = lane.loaded_to <= position && position < lane.page->end;
  lane.page->stale |= stands_in_it || lane.page->batches.count(batch) != 0;
}

// First half of a page: its ready entries.
void Engine::State::ask_page(Lane& lane) {
  flush_fresh(lane);
  const Position end{lane.tail + 1, 0};
  const CommitSeq after = open->seq - (open->empty() ? 1 : 0);
  Read read;
  read.ranges.push_back(
      {Table::ready, keys::ready(lane.number, lane.loaded_to), keys::ready(lane.number, end)});
  read.rows_max = settings.grain.page_rows;
  reads.ask(std::move(read), [this, number = lane.number, end, after](View& view) {
    Lane* target = find_lane(number);
    PAWL_ASSERT(target != nullptr);
    begin_page(*target, view, end, after);
  });
}

// Second half: their batches, by parts.
void Engine::State::begin_page(Lane& lane, const View& view, Position end, CommitSeq after) {
  auto page = std::make_shared<LanePage>();
  page->after = after;
  page->end = view.complete ? end : position_in(view.stopped_key);
  std::size_t left = page_bytes();
  std::size_t part_bytes = 0;
  for (const View::Row& row : view.rows) {
    ReadyEntry entry = decode_entry(row);
    if (left == 0 && !page->parts.empty()) {
      page->end = entry.position;
      break;
    }
    left -= std::min(left, entry.bytes());
    add_entry(std::move(entry), settings.grain.page_part_bytes, *page, part_bytes);
  }
  if (page->parts.empty()) page->parts.emplace_back();
  page->parts.back().end = page->end;
  lane.page = page;
  std::uint64_t last = 0;
  for (PagePart& part : page->parts) last = ask_part(lane, part, last);
  install_needless(lane);
}

// Many lanes share the window: the fuller it is, the less each takes of it.
std::size_t Engine::State::page_bytes() const {
  const std::size_t room = settings.window_bytes - std::min(settings.window_bytes, batches.bytes());
  return std::min(settings.grain.page_bytes, room / 4);
}

// Asks for the batches of a part, behind the part before it. Returns the last read of the page.
std::uint64_t Engine::State::ask_part(Lane& lane, PagePart& part, std::uint64_t behind) {
  Read read;
  read.bytes_max = SIZE_MAX;
  std::map<BatchId, bool> wanted;  // In the order of keys, which the store reads fastest.
  const auto want = [&](const BatchId& id, bool untouched) {
    if (BatchPtr known = batches.find(id)) return part.held.push_back(std::move(known));
    const auto at = wanted.emplace(id, untouched).first;
    at->second = at->second && untouched;
  };
  for (const ReadyEntry& entry : part.entries) {
    for (const ReadyRun& run : entry.runs) want(run.batch, run.whole && run.sequence > lane.mark);
    if (!entry.is_segment()) want(entry.own.job.batch(), false);
  }
  for (const auto& [id, untouched] : wanted) {
    lane.page->batches.insert(id);
    if (untouched) {
      read.ranges.push_back(keys::of_batch(Table::batches, id));
    } else {
      keys::add_all_of_batch(id, read.ranges);
    }
  }
  part.needs_read = !read.ranges.empty();
  if (!part.needs_read) return behind;
  const auto then = [this, of = lane.number, page = lane.page](const View& view) {
    part_came(of, page, view);
  };
  return reads.ask(std::move(read), then, behind);
}

void Engine::State::part_came(LaneNumber number, const LanePagePtr& page, const View& view) {
  Lane* lane = find_lane(number);
  if (lane == nullptr || lane->page != page) return;  // The page was asked for again since.
  if (page->stale) {
    lane->page = nullptr;
    return ask_page(*lane);
  }
  PAWL_ASSERT(page->parts.front().needs_read);
  install_next(*lane, view);
  install_needless(*lane);
}

// Goes on with the parts that wait for nothing.
void Engine::State::install_needless(Lane& lane) {
  while (lane.page != nullptr && !lane.page->parts.front().needs_read) install_next(lane, View{});
}

// Puts the first part that is left into the window. Its batches stay alive until that is done.
void Engine::State::install_next(Lane& lane, const View& view) {
  const LanePagePtr page = std::exchange(lane.page, nullptr);  // Nothing of this part is edited.
  const PagePart part = std::move(page->parts.front());
  page->parts.pop_front();
  const std::vector<BatchPtr> came = install_batches(view);
  for (const ReadyEntry& entry : part.entries) {
    if (entry.is_segment()) {
      install_segment(lane, entry, page->after);
    } else {
      install_own(lane, entry, page->after);
    }
  }
  lane.loaded_to = part.end.sequence > lane.tail ? Lane::kEnd : part.end;
  lane.returned = lane.returned && !lane.all_loaded();
  if (!page->parts.empty()) lane.page = page;
  if (page->parts.empty()) page_over(lane);
  touch(lane);
  wake(lane);
}

void Engine::State::install_segment(Lane& lane, const ReadyEntry& entry, CommitSeq after) {
  std::uint32_t left = 0;
  for (const ReadyRun& run : entry.runs) {
    const BatchPtr batch = batches.find(run.batch);
    if (batch == nullptr) continue;  // Over and reaped.
    IndexSet open_jobs = run.jobs;
    open_jobs.erase(batch->finished);
    open_jobs.erase(batch->moved);
    if (open_jobs.empty()) continue;
    ++left;
    batch->runs.push_back({lane.number, entry.position, run.sequence, run.jobs,
                           static_cast<std::uint32_t>(open_jobs.count())});
    open_jobs.erase(batch->leased);
    if (!open_jobs.empty())
      place_waiting(lane, {run.sequence, 0}, {batch, open_jobs, after, lane.returned});
  }
  if (left > 0) {
    lane.opened().segments[entry.position] = left;
  } else {
    open->erase_once(Table::ready, keys::ready(lane.number, entry.position));
  }
}

void Engine::State::install_own(Lane& lane, const ReadyEntry& entry, CommitSeq after) {
  const JobIndex index = entry.own.job.index();
  const BatchPtr batch = batches.find(entry.own.job.batch());
  const bool stands = batch != nullptr && batch->own.count(index) != 0 &&
                      batch->own.at(index)->position == entry.position;
  if (!stands) {
    open->erase(Table::ready, keys::ready(lane.number, entry.position));
    return;
  }
  const bool leased = batch->leased.contains(index);
  if (!leased && batch->own.at(index)->cancel_requested) {
    return finish_cancelled(batch, index, JobState::processing);
  }
  lane.opened().segments[entry.position] = 1;
  if (leased) return;
  place_waiting(lane, entry.position, {batch, IndexSet::single(index), after, true});
}

}  // namespace pawl::core
