#include <algorithm>

#include "broker/core/assert.h"
#include "broker/core/engine_state.h"
#include "broker/core/retry_policy.h"

namespace pawl::core {

namespace {

bool stands_ready(JobState state) {
  return state == JobState::pending || state == JobState::processing;
}

}  // namespace

// The job's own record, made when it is still on the plain path. In a ready state it also gets a
// ready entry of its own, at the place that it had in its run.
JobRecord& Engine::State::make_own(const BatchPtr& batch, JobIndex index, JobState state,
                                   const LeasedJobs& leased) {
  if (const auto known = batch->own.find(index); known != batch->own.end()) return *known->second;
  auto made = std::make_unique<JobRecord>();
  made->state = state;
  made->queue = batch->queue;
  made->accepted_at = batch->accepted_at;
  made->lane = leased.lane;
  made->position = {leased.position.sequence, static_cast<std::uint16_t>(index + 1)};
  JobRecord& own = *made;
  batch->own[index] = std::move(made);
  batch->moved.insert(index);
  if (Lane* lane = find_lane(leased.lane)) {
    mark(*lane, leased.position.sequence);
    edited(*lane, batch->id, leased.position);
  }
  if (stands_ready(state)) enter_ready(batch, index, own);
  run_over(*batch, IndexSet::single(index));
  changed(batch);
  return own;
}

void Engine::State::enter_ready(const BatchPtr& batch, JobIndex index, const JobRecord& own) {
  Lane* lane = find_lane(own.lane);
  PAWL_ASSERT(lane != nullptr);
  open->put(
      Table::ready, keys::ready(own.lane, own.position),
      ReadyJob{batch->id.job(index), static_cast<std::uint32_t>(batch->record_bytes())}.encode());
  lane->tail = std::max(lane->tail, own.position.sequence);
  if (own.position < lane->loaded_to) {
    lane->opened().segments[own.position] = 1;
  } else {
    edited(*lane, batch->id, own.position);
  }
  touch(*lane);
}

void Engine::State::leave_ready(const BatchPtr& batch, const JobRecord& own) {
  Lane* lane = find_lane(own.lane);
  PAWL_ASSERT(lane != nullptr);
  if (own.position < lane->loaded_to) {
    lane->opened().waiting.erase(own.position);
    segment_over(*lane, own.position);
    wake(*lane);
  } else {
    open->erase(Table::ready, keys::ready(own.lane, own.position));
    edited(*lane, batch->id, own.position);
  }
}

void Engine::State::add_attempt(JobRecord& own, const JobRun& run, AttemptView::End end,
                                const Failure* failure) {
  AttemptView attempt;
  attempt.number = own.attempt + 1;
  attempt.started_at = run.started_at;
  attempt.finished_at = now.at;
  attempt.worker_id = run.worker_id;
  attempt.host = run.host;
  attempt.end = end;
  if (failure != nullptr) attempt.failure = std::make_shared<Failure>(*failure);
  // The whole detail is kept of the last attempt only, so that a record stays small.
  for (AttemptView& older : own.attempts) {
    if (older.failure == nullptr || older.failure->detail.empty()) continue;
    auto shorter = std::make_shared<Failure>(*older.failure);
    shorter->detail.clear();
    older.failure = std::move(shorter);
  }
  own.attempts.push_back(std::move(attempt));
  if (own.attempts.size() > limits::kAttemptsKept) own.attempts.erase(own.attempts.begin());
}

void Engine::State::put_own(const Batch& batch, JobIndex index, const JobRecord& own) {
  open->put(Table::jobs, keys::job(batch.id.job(index)), own.encode());
}

keys::Listing Engine::State::own_listing(const Batch& batch, JobIndex index, JobState state,
                                         Timestamp at) const {
  return {batch.queue, state, batch.group_of(index).type, at, batch.id, keys::kListedAlone | index};
}

void Engine::State::complete_own(const BatchPtr& batch, JobIndex index, const Outcome& outcome,
                                 const JobRun& run) {
  JobRecord& own = *batch->own.at(index);
  add_attempt(own, run, AttemptView::End::done, nullptr);
  ++own.attempt;
  own.result_type = outcome.content_type;
  own.result_apart = outcome.result.size() > limits::kInlineResultBytes;
  if (own.result_apart) {
    open->put(Table::results, keys::job(batch->id.job(index)), result_head(outcome.content_type),
              outcome.result);
  } else {
    own.result = outcome.result;
  }
  finish_own(batch, index, JobState::processing, JobState::completed);
}

// The last step of a job with a record of its own.
void Engine::State::finish_own(const BatchPtr& batch, JobIndex index, JobState from, JobState to) {
  JobRecord& own = *batch->own.at(index);
  if (stands_ready(own.state)) leave_ready(batch, own);
  change_state(names.queue(batch->queue), from, to);
  own.state = to;
  own.finished_at = now.at;
  put_own(*batch, index, own);
  open->put(Table::listed, keys::listed(own_listing(*batch, index, to, now.at)),
            encode_indexes(IndexSet::single(index)));
  if (to == JobState::failed) {
    open->put(Table::dead, keys::dead(batch->queue, now.at, batch->id.job(index)), {});
  }
  batch->moved.erase(index);
  batch->finished.insert(index);
  batch->own.erase(index);
  after_finish(batch, IndexSet::single(index));
}

// An attempt failed: the next one waits in the agenda, or the job becomes a dead letter.
void Engine::State::fail_job(const BatchPtr& batch, JobIndex index, const Failure& failure,
                             const LeasedJobs& leased, const JobRun& run) {
  JobRecord& own = make_own(batch, index, JobState::retrying, leased);
  const bool stopped = own.cancel_requested;
  add_attempt(own, run, stopped ? AttemptView::End::stopped : AttemptView::End::failure, &failure);
  ++own.attempt;
  if (stopped) return finish_own(batch, index, JobState::processing, JobState::cancelled);
  const GroupRecord& group = batch->group_of(index);
  if (own.attempt >= group.options.max_attempts) {
    return finish_own(batch, index, JobState::processing, JobState::failed);
  }
  if (stands_ready(own.state)) leave_ready(batch, own);
  own.state = JobState::retrying;
  own.due_ms = to_ms(now.at + backoff(group.options, own.attempt, random));
  change_state(names.queue(batch->queue), JobState::processing, JobState::retrying);
  put_own(*batch, index, own);
  open->put(Table::listed, keys::listed(own_listing(*batch, index, JobState::retrying, now.at)),
            encode_indexes(IndexSet::single(index)));

  AgendaRecord waiting;
  waiting.kind = AgendaRecord::Kind::retry;
  waiting.jobs = IndexSet::single(index);
  waiting.queue = batch->queue;
  waiting.type = group.type;
  waiting.priority = group.priority;
  waiting.key = group.key;
  waiting.listed_at = now.at;
  const std::string key =
      keys::agenda(keys::AgendaClock::timeline, own.due_ms, batch->id.job(index));
  open->put(Table::agenda, key, waiting.encode());
  timeline_agenda.put(key, std::move(waiting));
  changed(batch);
}

// The worker went away: the job waits again at its place. The attempt is remembered, but does not
// count.
void Engine::State::lose_job(const BatchPtr& batch, JobIndex index, const LeasedJobs& leased,
                             const JobRun& run) {
  JobRecord& own = make_own(batch, index, JobState::pending, leased);
  add_attempt(own, run, AttemptView::End::worker_lost, nullptr);
  ++own.interruptions;
  if (own.cancel_requested)
    return finish_own(batch, index, JobState::processing, JobState::cancelled);
  change_state(names.queue(batch->queue), JobState::processing, JobState::pending);
  own.state = JobState::pending;
  put_own(*batch, index, own);
  Lane* lane = find_lane(own.lane);
  PAWL_ASSERT(lane != nullptr);
  if (own.position < lane->loaded_to) {
    place_waiting(*lane, own.position, {batch, IndexSet::single(index), open_seq(), true});
  }
  wake(*lane);
}

}  // namespace pawl::core
