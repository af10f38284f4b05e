#include <algorithm>

#include "broker/core/assert.h"
#include "broker/core/engine_state.h"

namespace pawl::core {

// Whether more of what is due can be taken on: what goes into one commit and what is read at once
// is bounded, the rest follows.
bool Engine::State::has_room_for_due() const {
  return !is_full() && open_bytes() < settings.grain.due_bytes &&
         reads.in_flight() < settings.grain.due_reads;
}

// Where there are as many lanes as there may be, what needs another one stays until there is room.
bool Engine::State::may_fire(const AgendaRecord& due) const {
  return lanes.size() < settings.lanes_max ||
         lanes_by_name.count({due.queue, due.type, due.priority, due.key}) != 0;
}

// Everything whose time has come, oldest first. What is not in memory yet comes with the next page,
// and what is too much for one step with the next, so that commands are not kept waiting.
void Engine::State::fire_agenda() {
  const Agenda::May may = [this](const AgendaRecord& due) { return may_fire(due); };
  for (Agenda* agenda : {&timeline_agenda, &wall_agenda}) {
    if (lanes.size() < settings.lanes_max) agenda->let_go();
    const std::uint64_t time = agenda == &wall_agenda ? to_ms(now.wall) : to_ms(now.at);
    for (int fired = 0; fired < settings.grain.agenda_fired_at_once && has_room_for_due();
         ++fired) {
      auto entry = agenda->take_due(time, may);
      if (!entry) break;
      const JobId first = agenda_first_job(entry->key);
      if (entry->record.kind == AgendaRecord::Kind::run) {
        fire_run(*entry, first);
      } else {
        fire_retry(*entry, first);
      }
    }
    page_agenda(*agenda);
  }
}

void Engine::State::page_agenda(Agenda& agenda) {
  auto range = agenda.wanted_page();
  if (!range) return;
  Read read;
  read.ranges.push_back(std::move(*range));
  read.rows_max = settings.grain.agenda_page_rows;
  reads.ask(std::move(read), [this, &agenda](View& view) {
    std::vector<Agenda::Entry> entries;
    for (View::Row& row : view.rows) {
      auto waiting = AgendaRecord::decode(row.value.view());
      PAWL_ASSERT(waiting);
      entries.push_back({std::move(row.key), std::move(*waiting)});
    }
    agenda.page(std::move(entries), view.complete ? nullptr : &view.stopped_key);
  });
}

// A delayed run becomes pending: it joins the end of its lane.
void Engine::State::fire_run(const Agenda::Entry& entry, const JobId& first) {
  const AgendaRecord& waiting = entry.record;
  Queue& queue = names.queue(waiting.queue);
  sync_for(queue);
  open->erase(Table::agenda, entry.key);
  open->erase(Table::listed, keys::listed({queue.number, JobState::scheduled, waiting.type,
                                           waiting.listed_at, first.batch(), first.index()}));
  change_state(queue, JobState::scheduled, JobState::pending, waiting.jobs.count());
  Lane& lane = lane_for(queue, waiting.type, waiting.priority, waiting.key);
  append_run(lane, {next_sequence(), first.batch(), waiting.jobs, waiting.whole, waiting.bytes},
             nullptr);
}

// A job that failed waits for its next attempt: at its old place when the window has room for it,
// else at the end.
void Engine::State::fire_retry(const Agenda::Entry& entry, const JobId& job) {
  const std::string key = entry.key;
  const Timestamp listed_at = entry.record.listed_at;
  with_batch(job.batch(), [this, key, listed_at, job](const BatchPtr& batch) {
    const auto found =
        batch == nullptr ? decltype(batch->own.end()){} : batch->own.find(job.index());
    if (batch == nullptr || found == batch->own.end() || found->second->state != JobState::retrying)
      return;
    JobRecord& own = *found->second;
    Queue& queue = names.queue(batch->queue);
    const GroupRecord& group = batch->group_of(job.index());
    sync_for(queue);
    open->erase(Table::agenda, key);
    open->erase(Table::listed,
                keys::listed(own_listing(*batch, job.index(), JobState::retrying, listed_at)));
    change_state(queue, JobState::retrying, JobState::pending);
    Lane& lane = lane_for(queue, group.type, group.priority, group.key);
    own.lane = lane.number;
    const bool old_place = own.position < lane.loaded_to && window_has_room(0);
    if (!old_place) own.position.sequence = next_sequence();
    if (!old_place && lane.all_loaded() && !window_has_room(0)) {
      flush_fresh(lane);
      lane.loaded_to = own.position;
    }
    own.state = JobState::pending;
    own.due_ms = 0;
    put_own(*batch, job.index(), own);
    enter_ready(batch, job.index(), own);
    if (own.position < lane.loaded_to) {
      place_waiting(lane, own.position, {batch, IndexSet::single(job.index()), open_seq(), true});
    }
    wake(lane);
  });
}

}  // namespace pawl::core
