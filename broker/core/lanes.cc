#include <algorithm>

#include "broker/core/assert.h"
#include "broker/core/engine_state.h"

namespace pawl::core {

namespace {

// What rows take, about, that flush() writes.
constexpr std::size_t kLaneRowBytes = 100;
constexpr std::size_t kRunBytes = 40;

}  // namespace

Lane* Engine::State::find_lane(LaneNumber number) {
  const auto found = lanes.find(number);
  return found == lanes.end() ? nullptr : found->second.get();
}

Lane* Engine::State::find_lane(const Queue& queue, const GroupRecord& group) {
  const auto found = lanes_by_name.find({queue.number, group.type, group.priority, group.key});
  return found == lanes_by_name.end() ? nullptr : found->second;
}

Lane& Engine::State::lane_for(const Queue& queue, TypeNumber type, std::uint8_t priority,
                              const std::string& key) {
  auto [place, added] = lanes_by_name.try_emplace({queue.number, type, priority, key}, nullptr);
  if (!added) return *place->second;
  auto lane = std::make_unique<Lane>();
  lane->number = ++record.lane;
  lane->queue = queue.number;
  lane->type = type;
  lane->priority = priority;
  lane->key = key;
  Lane& made = *lane;
  place->second = &made;
  names.queue(queue.number).lanes[made.number] = &made;
  lanes.emplace(made.number, std::move(lane));
  return made;
}

Sequence Engine::State::next_sequence() {
  record.sequence = std::max(record.sequence + 1, first_sequence_at(now.at));
  return record.sequence;
}

bool Engine::State::window_has_room(std::size_t bytes) const {
  return batches.bytes() + bytes <= settings.window_bytes;
}

// Adds a run at the end. With `batch` it also enters the window, when the window reaches to the end
// of the lane.
void Engine::State::append_run(Lane& lane, ReadyRun run, const BatchPtr& batch) {
  const bool in_window = batch != nullptr && lane.all_loaded();
  if (!in_window && lane.all_loaded()) {
    flush_fresh(lane);  // A ready entry is in the window as a whole or not at all.
    lane.loaded_to = {run.sequence, 0};
  }
  const bool full = lane.fresh.size() >= settings.grain.segment_runs ||
                    lane.fresh_bytes >= settings.grain.segment_bytes;
  if (full) flush_fresh(lane);
  lane.tail = run.sequence;
  if (in_window) {
    const Position segment{lane.fresh.empty() ? run.sequence : lane.fresh.front().sequence, 0};
    ++lane.opened().segments[segment];
    batch->runs.push_back({lane.number, segment, run.sequence, run.jobs,
                           static_cast<std::uint32_t>(run.jobs.count())});
    place_waiting(lane, {run.sequence, 0}, {batch, run.jobs, open_seq(), false});
  }
  lane.fresh_bytes += run.bytes;
  unwritten_bytes += kRunBytes;
  lane.fresh.push_back(std::move(run));
  touch(lane);
  wake(lane);
}

void Engine::State::place_waiting(Lane& lane, Position position, WaitingRun run) {
  auto& waiting = lane.opened().waiting;
  const auto at = waiting.emplace_hint(waiting.end(), position, WaitingRun{});
  if (at->second.jobs.empty()) {
    at->second = std::move(run);
    return;
  }
  at->second.jobs.insert(run.jobs);
  at->second.after = std::max(at->second.after, run.after);
  at->second.delivered_before |= run.delivered_before;
}

// Jobs that were leased wait again, at their old place.
void Engine::State::put_back(const BatchPtr& batch, const IndexSet& jobs,
                             const LeasedJobs& leased) {
  Lane* lane = find_lane(leased.lane);
  PAWL_ASSERT(lane != nullptr);
  IndexSet plain = jobs;
  jobs.for_each([&](JobIndex index) {
    const auto own = batch->own.find(index);
    if (own == batch->own.end()) return;
    plain.erase(index);
    const Position position = own->second->position;
    if (position < lane->loaded_to)
      place_waiting(*lane, position, {batch, IndexSet::single(index), 0, true});
  });
  if (!plain.empty() && batch->run_of(plain.first()) != nullptr) {
    place_waiting(*lane, {leased.position.sequence, 0}, {batch, plain, 0, true});
  } else if (!plain.empty()) {
    lane->returned = true;  // They come with their page, which cannot tell.
  }
  wake(*lane);
}

// Jobs have finished or moved: runs with none left are over.
void Engine::State::run_over(Batch& batch, const IndexSet& jobs) {
  for (RunPlace& run : batch.runs) {
    const auto over = static_cast<std::uint32_t>(run.jobs.count_common(jobs));
    if (over == 0) continue;
    PAWL_ASSERT(run.open >= over);
    run.open -= over;
    if (run.open > 0) continue;
    Lane* lane = find_lane(run.lane);
    PAWL_ASSERT(lane != nullptr);
    segment_over(*lane, run.segment);
  }
}

// One run of a ready entry is over; with the last one the entry goes.
void Engine::State::segment_over(Lane& lane, Position segment) {
  auto& segments = lane.opened().segments;
  const auto found = segments.find(segment);
  PAWL_ASSERT(found != segments.end());
  if (--found->second > 0) return;
  if (!lane.fresh.empty() && lane.fresh.front().sequence == segment.sequence) flush_fresh(lane);
  segments.erase(found);
  if (segment.slot == 0) {
    open->erase_once(Table::ready, keys::ready(lane.number, segment));
  } else {
    open->erase(Table::ready, keys::ready(lane.number, segment));
  }
  touch(lane);
}

void Engine::State::mark(Lane& lane, Sequence sequence) {
  if (sequence <= lane.mark) return;
  lane.mark = sequence;
  touch(lane);
}

void Engine::State::touch(Lane& lane) {
  if (lane.dirty) return;
  lane.dirty = true;
  dirty_lanes.push_back(lane.number);
  unwritten_bytes += kLaneRowBytes + lane.key.size();
}

// The lane may have work: its heaps learn it now, parked fetches when the commit is closed.
void Engine::State::wake(Lane& lane) {
  scheduler.update(names.queue(lane.queue), lane);
  if (lane.woken) return;
  lane.woken = true;
  woken_lanes.push_back(lane.number);
}

void Engine::State::flush_fresh(Lane& lane) {
  if (lane.fresh.empty()) return;
  const Position position{lane.fresh.front().sequence, 0};
  open->put_new(Table::ready, keys::ready(lane.number, position), encode_segment(lane.fresh));
  lane.fresh.clear();
  lane.fresh_bytes = 0;
}

void Engine::State::move_head(Lane& lane) {
  Position head = lane.loaded_to;
  if (lane.window != nullptr && !lane.window->segments.empty()) {
    head = std::min(head, lane.window->segments.begin()->first);
  }
  lane.head = head == Lane::kEnd ? Position{lane.tail, 0} : head;
}

void Engine::State::drop_idle_lanes() {
  if (idle_lanes.size() <= settings.grain.idle_lanes) return;
  const std::size_t surplus = idle_lanes.size() - settings.grain.idle_lanes / 2;
  for (std::size_t i = 0; i < surplus; ++i) {
    Lane* lane = find_lane(idle_lanes[i]);
    if (lane == nullptr || !lane->empty() || lane->dirty || lane->woken) continue;
    Queue& queue = names.queue(lane->queue);
    scheduler.forget(queue, *lane);
    queue.lanes.erase(lane->number);
    lanes_by_name.erase({lane->queue, lane->type, lane->priority, lane->key});
    open->erase(Table::lanes, keys::lane(lane->number));
    lanes.erase(lane->number);
  }
  idle_lanes.erase(idle_lanes.begin(), idle_lanes.begin() + static_cast<std::ptrdiff_t>(surplus));
}

}  // namespace pawl::core
