#include "broker/core/assert.h"
#include "broker/core/engine_state.h"

namespace pawl::core {

struct Engine::State::CancelProgress {
  CancelJobs command;
  CancelVerdicts verdicts;
  std::size_t undecided = 0;
};

void Engine::State::cancel_jobs(const CancelJobs& command) {
  const auto progress = std::make_shared<CancelProgress>();
  progress->command = command;
  progress->undecided = command.ids.size();
  progress->verdicts.jobs.resize(command.ids.size());
  for (std::size_t position = 0; position < command.ids.size(); ++position) {
    with_batch(command.ids[position].batch(), [this, progress, position](const BatchPtr& batch) {
      cancel(progress, position, batch);
    });
  }
}

void Engine::State::decide(const CancelPtr& progress, std::size_t position, CancelVerdict verdict) {
  progress->verdicts.jobs[position] = verdict;
  if (--progress->undecided > 0) return;
  reply(progress->command.ticket, std::move(progress->verdicts), open_seq());
}

void Engine::State::cancel(const CancelPtr& progress, std::size_t position, const BatchPtr& batch) {
  const JobId id = progress->command.ids[position];
  const JobIndex index = id.index();
  if (batch == nullptr || index >= batch->job_count || batch->finished.contains(index)) {
    // It has ended, or there is no such job: the answer is the state that it has.
    return with_views({id}, GetJobs::Payloads::without,
                      [this, progress, position](std::vector<JobView>& views) {
                        decide(progress, position, {views.front().code, views.front().state});
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
  const Session* session = sessions.find(lease.grant->session);
  if (session == nullptr || session->connection == 0) return;
  reply(Ticket{session->connection, 0}, CancelRunning{lease.grant->token, batch->id.job(index)},
        open_seq());
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
