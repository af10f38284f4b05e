#include <utility>

#include "broker/core/assert.h"
#include "broker/core/bytes_io.h"
#include "broker/core/engine_state.h"

namespace pawl::core {

struct Engine::State::CancelProgress {
  CancelJobs command;
  CancelVerdicts verdicts;
  std::size_t undecided = 0;
  std::vector<std::shared_ptr<void>> turns;  // By position: counted in running_cancels.
  std::shared_ptr<void> held;
};

void Engine::State::cancel_jobs(const CancelJobs& command) {
  const std::size_t bytes = bytes_of(command);
  if (!may_wait(command.ticket, bytes)) return;
  const auto progress = std::make_shared<CancelProgress>();
  progress->held = hold_bytes(bytes);
  progress->command = command;
  progress->undecided = command.ids.size();
  progress->verdicts.jobs.resize(command.ids.size());
  progress->turns.resize(command.ids.size());
  std::map<BatchId, std::vector<std::size_t>> positions_by_batch;
  for (std::size_t position = 0; position < command.ids.size(); ++position)
    positions_by_batch[command.ids[position].batch()].push_back(position);
  for (auto& [batch, positions] : positions_by_batch)
    waiting_cancels.push_back({progress, std::move(positions)});
  start_cancels();
}

// A batch is loaded whole to cancel jobs of it, and a commit keeps those that it changes: so only
// some are looked at at a time, and only so many bytes are loaded before the commit is closed.
void Engine::State::start_cancels() {
  if (std::exchange(starting_cancels, true)) return;
  while (!waiting_cancels.empty() && running_cancels < settings.grain.cancel_loads &&
         loaded_to_cancel < settings.grain.cancel_bytes) {
    WaitingCancel next = std::move(waiting_cancels.front());
    waiting_cancels.pop_front();
    cancel_some(next.progress, std::move(next.positions));
  }
  starting_cancels = false;
}

// Jobs of one batch. Their turn is over when all of them are decided.
void Engine::State::cancel_some(const CancelPtr& progress, std::vector<std::size_t> positions) {
  ++running_cancels;
  const std::shared_ptr<void> turn(this, [this](void*) { --running_cancels; });
  for (const std::size_t position : positions) progress->turns[position] = turn;
  const BatchId id = progress->command.ids[positions.front()].batch();
  const bool loaded = batches.find(id) != nullptr;
  with_batch(id, [this, progress, loaded, some = std::move(positions)](const BatchPtr& batch) {
    if (!loaded && batch != nullptr) loaded_to_cancel += batch->bytes();
    for (auto position = some.begin(); position != some.end(); ++position) {
      if (is_full()) {
        std::vector<std::size_t> rest(position, some.end());
        return put_off([this, progress, rest] { cancel_some(progress, rest); });
      }
      cancel(progress, *position, batch);
    }
  });
}

void Engine::State::decide(const CancelPtr& progress, std::size_t position, CancelVerdict verdict) {
  progress->verdicts.jobs[position] = verdict;
  progress->turns[position].reset();
  if (--progress->undecided == 0)
    reply(progress->command.ticket, std::move(progress->verdicts), open_seq());
  start_cancels();
}

void Engine::State::cancel(const CancelPtr& progress, std::size_t position, const BatchPtr& batch) {
  const JobId id = progress->command.ids[position];
  const JobIndex index = id.index();
  if (batch == nullptr || index >= batch->job_count || batch->finished.contains(index)) {
    // It has ended, or there is no such job: the answer is the state that it has.
    return with_views({id}, GetJobs::Payloads::without,
                      [this, progress, position, id](std::vector<JobView>& views) {
                        const JobView& view = views.front();
                        if (view.code != Errc::ok || is_final(view.state))
                          return decide(progress, position, {view.code, view.state});
                        with_batch(id.batch(), [this, progress, position](const BatchPtr& come) {
                          cancel(progress, position, come);  // It has come only now.
                        });
                      });
  }
  if (batch->leased.contains(index)) {
    cancel_leased(batch, index, find_lease(id));
    return decide(progress, position, {Errc::ok, JobState::processing});
  }
  if (const auto own = batch->own.find(index); own != batch->own.end()) {
    const JobState from =
        own->second->state == JobState::retrying ? JobState::retrying : JobState::pending;
    if (from == JobState::retrying) {
      const std::string key = keys::agenda(keys::AgendaClock::timeline, own->second->due_ms, id);
      open->erase(Table::agenda, key);
      timeline_agenda.erase(key);
      open->erase(Table::listed,
                  keys::listed(own_listing(*batch, index, JobState::retrying,
                                           own->second->attempts.back().finished_at)));
    }
    finish_cancelled(batch, index, from);
    return decide(progress, position, {Errc::ok, JobState::cancelled});
  }
  if (batch->group_of(index).due_ms != 0) return cancel_scheduled(progress, position, batch);
  take_from_lane(batch, index);
  finish_cancelled(batch, index, JobState::pending);
  decide(progress, position, {Errc::ok, JobState::cancelled});
}

// The worker is told; the job ends when it reports, or when it goes away.
void Engine::State::cancel_leased(const BatchPtr& batch, JobIndex index, const Lease& lease) {
  sync_for(names.queue(batch->queue));
  LeasedJobs leased;
  for (const GrantPart& part : lease.grant->parts) {
    if (part.leased.batch == batch->id && part.leased.jobs.contains(index)) leased = part.leased;
  }
  JobRecord& own = make_own(batch, index, JobState::processing, leased);
  own.state = JobState::processing;
  own.cancel_requested = true;
  put_own(*batch, index, own);
  push_cancel(*lease.grant, batch->id.job(index));
}

void Engine::State::push_cancel(const Grant& grant, const JobId& job) {
  const Session* session = sessions.find(grant.session);
  if (session == nullptr || session->connection == 0) return;
  reply(Ticket{session->connection, 0}, CancelRunning{grant.token, job}, open_seq());
}

// A worker that comes back is told again what to stop: the push may have been lost with the
// connection, or was asked for while there was none.
void Engine::State::push_cancels(const Session& session) {
  std::set<BatchId> unloaded;
  for (const Token token : session.grants) {
    const Grant& grant = *sessions.find_grant(token);
    for (const GrantPart& part : grant.parts) {
      if (part.batch == nullptr && !part.leased.jobs.empty()) unloaded.insert(part.leased.batch);
      if (part.batch == nullptr || part.batch->own.empty()) continue;
      part.leased.jobs.for_each([&](JobIndex index) {
        const auto own = part.batch->own.find(index);
        if (own != part.batch->own.end() && own->second->cancel_requested)
          push_cancel(grant, part.batch->id.job(index));
      });
    }
  }
  std::vector<Range> ranges;
  for (const BatchId& batch : unloaded) ranges.push_back(keys::of_batch(Table::jobs, batch));
  read_cancels(session.id, std::move(ranges));
}

// Leases that outlived a restart: only the jobs with records of their own are looked at, since
// their batches would take memory.
void Engine::State::read_cancels(const SessionId& session, std::vector<Range> ranges) {
  if (ranges.empty()) return;
  static constexpr std::size_t kBatchesAtOnce = 64;
  Read read;
  const std::size_t asked = std::min(kBatchesAtOnce, ranges.size());
  read.ranges.assign(ranges.begin(), ranges.begin() + static_cast<std::ptrdiff_t>(asked));
  reads.ask(std::move(read), [this, session, asked, left = std::move(ranges)](View& view) mutable {
    for (const View::Row& row : view.rows) {
      const auto own = JobRecord::decode(row.value);
      PAWL_ASSERT(own);
      if (!own->cancel_requested || is_final(own->state)) continue;
      const JobId job = Reader(row.key).id();
      const Lease lease = find_lease(job);
      if (lease.grant != nullptr && lease.grant->session == session) push_cancel(*lease.grant, job);
    }
    const std::size_t done = view.complete ? asked : view.stopped_range;
    left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(done));
    if (!view.complete) left.front().from = view.stopped_key;
    read_cancels(session, std::move(left));
  });
}

// The run stands in the agenda, or has left it for its lane.
void Engine::State::cancel_scheduled(const CancelPtr& progress, std::size_t position,
                                     const BatchPtr& batch) {
  const JobIndex index = progress->command.ids[position].index();
  const GroupRecord& group = batch->group_of(index);
  const std::string key =
      keys::agenda(group.clock, group.due_ms, batch->id.job(group.jobs.first()));
  Read read;
  read.ranges.push_back({Table::agenda, key, key + '\0'});
  reads.ask(std::move(read), [this, progress, position, batch, index, key](View& view) {
    // Meanwhile it may have been leased, finished or moved: then start over.
    const bool changed_meanwhile = batch->leased.contains(index) ||
                                   batch->finished.contains(index) || batch->moved.contains(index);
    if (changed_meanwhile) return cancel(progress, position, batch);
    JobState from = JobState::scheduled;
    if (!leave_agenda(batch, index, key, view)) {
      take_from_lane(batch, index);
      from = JobState::pending;
    }
    finish_cancelled(batch, index, from);
    decide(progress, position, {Errc::ok, JobState::cancelled});
  });
}

// Takes one job out of a run that waits in the agenda. False when the run is not there any more.
bool Engine::State::leave_agenda(const BatchPtr& batch, JobIndex index, const std::string& key,
                                 const View& view) {
  if (view.rows.empty()) return false;
  auto waiting = AgendaRecord::decode(view.rows.front().value.view());
  PAWL_ASSERT(waiting);
  const GroupRecord& group = batch->group_of(index);
  waiting->jobs.erase(index);
  waiting->whole = false;
  const std::string listing = keys::listed({batch->queue, JobState::scheduled, group.type,
                                            waiting->listed_at, batch->id, group.jobs.first()});
  if (waiting->jobs.empty()) {
    open->erase(Table::agenda, key);
    open->erase(Table::listed, listing);
    agenda_of(group.clock).erase(key);
    return true;
  }
  open->put(Table::agenda, key, waiting->encode());
  open->put(Table::listed, listing, encode_indexes(waiting->jobs));
  agenda_of(group.clock).put(key, std::move(*waiting));
  return true;
}

// A pending job on the plain path leaves its run.
void Engine::State::take_from_lane(const BatchPtr& batch, JobIndex index) {
  const RunPlace* run = batch->run_of(index);
  if (run == nullptr) {  // Not in the window: its page will see the outcome.
    Lane* lane = find_lane(names.queue(batch->queue), batch->group_of(index));
    PAWL_ASSERT(lane != nullptr);
    mark(*lane, lane->tail);
    edited(*lane, batch->id, Lane::kEnd);
    return;
  }
  Lane* lane = find_lane(run->lane);
  PAWL_ASSERT(lane != nullptr);
  mark(*lane, run->sequence);
  auto& waiting = lane->opened().waiting;
  const auto found = waiting.find({run->sequence, 0});
  if (found == waiting.end()) return;
  found->second.jobs.erase(index);
  if (found->second.jobs.empty()) waiting.erase(found);
  wake(*lane);
}

void Engine::State::finish_cancelled(const BatchPtr& batch, JobIndex index, JobState from) {
  sync_for(names.queue(batch->queue));
  if (batch->own.count(index) != 0) return finish_own(batch, index, from, JobState::cancelled);
  OutcomeEntry entry;
  entry.state = JobState::cancelled;
  entry.jobs = IndexSet::single(index);
  entry.finished_at = now.at;
  finish_plain(batch, IndexSet::single(index), from, std::move(entry));
}

}  // namespace pawl::core
