#include <algorithm>

#include "broker/core/assert.h"
#include "broker/core/engine_state.h"

namespace pawl::core {

// A report is answered when all of its outcomes are decided; some may have to wait for their batch
// to be loaded.
struct Engine::State::ReportProgress {
  Report command;
  Reported reported;
  std::size_t undecided = 0;
  std::shared_ptr<void> held;  // Its bytes, once it waits.
};

namespace {

void refuse_jobs(Reported& reported, std::uint32_t position, const IndexSet& jobs) {
  jobs.for_each([&](JobIndex index) {
    reported.refused.push_back({position, index, Errc::lease_lost});
  });
}

bool all_loaded(const Grant& grant, const BatchId& id) {
  return std::all_of(grant.parts.begin(), grant.parts.end(), [&](const GrantPart& part) {
    return part.leased.batch != id || part.leased.jobs.empty() || part.batch != nullptr;
  });
}

}  // namespace

void Engine::State::report(Report& command) {
  Session* session = sessions.find(command.session);
  if (session == nullptr || session->connection != command.ticket.connection) {
    return refuse(command.ticket, Errc::lease_lost,
                  "this session is over; open a new one with Hello");
  }
  sessions.set_deadline(*session, now.at + settings.lease);
  const bool waits = has_to_wait(command);
  if (waits && !may_wait(command.ticket, bytes_of(command))) return;
  const auto progress = std::make_shared<ReportProgress>();
  if (waits) progress->held = hold_bytes(bytes_of(command));
  progress->command = std::move(command);
  const std::size_t count = progress->command.outcomes.size();
  progress->undecided = count + 1;
  for (std::uint32_t position = 0; position < count; ++position) apply(progress, position);
  decided(progress);
}

// Whether some outcome is of a batch that is being loaded or has to be, after a restart.
bool Engine::State::has_to_wait(const Report& report) {
  return std::any_of(report.outcomes.begin(), report.outcomes.end(), [&](const Outcome& outcome) {
    if (loading_batches.count(outcome.batch) != 0) return true;
    if (outcome.token.epoch() == epoch) return false;
    const Grant* grant = sessions.find_grant(outcome.token);
    if (grant == nullptr) return outcome.token.epoch() + 1 == epoch;
    return grant->session == report.session && !all_loaded(*grant, outcome.batch);
  });
}

void Engine::State::decided(const ReportPtr& progress) {
  if (--progress->undecided > 0) return;
  reply(progress->command.ticket, std::move(progress->reported), open_seq());
}

void Engine::State::apply(const ReportPtr& progress, std::uint32_t position) {
  const auto put_rest_off = [&] {
    if (progress->held == nullptr) progress->held = hold_bytes(bytes_of(progress->command));
    put_off([this, progress, position] { apply(progress, position); });
  };
  if (is_full()) return put_rest_off();
  Outcome& outcome = progress->command.outcomes[position];
  Grant* grant = sessions.find_grant(outcome.token);
  if (grant == nullptr && outcome.token.epoch() + 1 == epoch) {
    with_batch(outcome.batch, [this, progress, position](const BatchPtr& batch) {
      apply_unleased(progress, position, batch);
    });
    return;
  }
  IndexSet left = outcome.jobs;
  if (grant != nullptr && grant->session == progress->command.session) {
    // Leased before a restart; or others wait for the batch already, and nobody overtakes them.
    const bool unloaded = outcome.token.epoch() != epoch && !all_loaded(*grant, outcome.batch);
    if (unloaded || loading_batches.count(outcome.batch) != 0) {
      with_batch(outcome.batch, [this, progress, position, unloaded](const BatchPtr& batch) {
        PAWL_ASSERT(batch != nullptr || !unloaded);  // What is leased is not reaped.
        apply(progress, position);
      });
      return;
    }
    if (!apply_to_grant(outcome, *grant, left)) {
      outcome.jobs = std::move(left);
      return put_rest_off();
    }
  }
  refuse_jobs(progress->reported, position, left);
  decided(progress);
}

// Takes what the grant holds of the outcome's jobs out of `left`. False when the commit is full
// before that is done. A job with a record of its own is a part of its own.
bool Engine::State::apply_to_grant(const Outcome& outcome, Grant& grant, IndexSet& left) {
  for (std::size_t i = grant.first_open; i < grant.parts.size() && !left.empty(); ++i) {
    GrantPart& part = grant.parts[i];
    if (part.leased.batch != outcome.batch) continue;
    const IndexSet jobs = part.leased.jobs.common(left);
    if (jobs.empty()) continue;
    if (is_full()) return false;
    apply_to_part(outcome, jobs, grant, part);
    left.erase(jobs);
    if (outcome.kind != Outcome::Kind::extend) unlease(grant, part, jobs);
  }
  close_if_done(grant);
  return true;
}

// A report that bears the token of the epoch before counts when the job has no lease and was not
// leased since. Whether a delayed job could have been leased at all, its agenda entry tells.
void Engine::State::apply_unleased(const ReportPtr& progress, std::uint32_t position,
                                   const BatchPtr& batch) {
  Read read;
  if (batch != nullptr) {
    for (const GroupRecord& group : batch->groups) {
      const bool named = !group.jobs.common(progress->command.outcomes[position].jobs).empty();
      if (group.due_ms == 0 || !named) continue;
      const std::string key =
          keys::agenda(group.clock, group.due_ms, batch->id.job(group.jobs.first()));
      read.ranges.push_back({Table::agenda, key, key + '\0'});
    }
  }
  if (read.ranges.empty()) return end_unleased(progress, position, batch, {});
  reads.ask(std::move(read), [this, progress, position, batch](View& view) {
    std::set<JobIndex> scheduled;
    for (const View::Row& row : view.rows) scheduled.insert(agenda_first_job(row.key).index());
    end_unleased(progress, position, batch, scheduled);
  });
}

// `scheduled`: first jobs of the runs that stand in the agenda.
void Engine::State::end_unleased(const ReportPtr& progress, std::uint32_t position,
                                 const BatchPtr& batch, const std::set<JobIndex>& scheduled) {
  const Outcome& outcome = progress->command.outcomes[position];
  IndexSet refused = outcome.jobs;
  const bool ends = outcome.kind == Outcome::Kind::complete || outcome.kind == Outcome::Kind::fail;
  const Session* session = sessions.find(progress->command.session);
  const bool may_be_leased = batch != nullptr && batch->accepted_at <= epoch_began;
  if (may_be_leased && ends && session != nullptr) {
    IndexSet jobs = outcome.jobs.common(IndexSet::range(0, batch->job_count));
    jobs.erase(batch->finished);
    jobs.erase(batch->moved);
    jobs.erase(batch->leased_before);
    const JobRun run{now.at, session->worker_id, session->host};
    jobs.for_each([&](JobIndex index) {
      const GroupRecord& group = batch->group_of(index);
      Lane* lane = find_lane(names.queue(batch->queue), group);
      if (lane == nullptr || scheduled.count(group.jobs.first()) != 0) return;
      LeasedJobs leased{batch->id, lane->number, {}, IndexSet::single(index), 1};
      // Where its run stands is not known before its page is read; no two jobs may get one place.
      const RunPlace* place = batch->run_of(index);
      leased.position.sequence = place != nullptr ? place->sequence : next_sequence();
      take_from_lane(batch, index);
      end_jobs(batch, leased.jobs, outcome, leased, run);
      refused.erase(index);
    });
  }
  refuse_jobs(progress->reported, position, refused);
  decided(progress);
}

void Engine::State::apply_to_part(const Outcome& outcome, const IndexSet& jobs, const Grant& grant,
                                  GrantPart& part) {
  const BatchPtr batch = part.batch;
  switch (outcome.kind) {
    case Outcome::Kind::extend:
      return;
    case Outcome::Kind::complete:
    case Outcome::Kind::fail: {
      const Session* session = sessions.find(grant.session);
      end_jobs(batch, jobs, outcome, part.leased, {grant.at, session->worker_id, session->host});
      return;
    }
    case Outcome::Kind::release: {
      IndexSet waiting = jobs;
      jobs.for_each([&](JobIndex index) {
        const auto own = batch->own.find(index);
        if (own == batch->own.end() || !own->second->cancel_requested) return;
        finish_cancelled(batch, index, JobState::processing);
        waiting.erase(index);
      });
      batch->leased.erase(waiting);
      if (!waiting.empty()) put_back(batch, waiting, part.leased);
      return;
    }
  }
}

void Engine::State::end_jobs(const BatchPtr& batch, const IndexSet& jobs, const Outcome& outcome,
                             const LeasedJobs& leased, const JobRun& run) {
  sync_for(names.queue(batch->queue));
  if (Lane* lane = find_lane(leased.lane)) {
    mark(*lane, leased.position.sequence);
    edited(*lane, batch->id, leased.position);
  }
  if (outcome.kind == Outcome::Kind::fail) {
    jobs.for_each([&](JobIndex index) { fail_job(batch, index, outcome.failure, leased, run); });
    return;
  }
  IndexSet plain = jobs;
  const IndexSet own = jobs.common(batch->moved);
  own.for_each([&](JobIndex index) { complete_own(batch, index, outcome, run); });
  plain.erase(own);
  if (plain.empty()) return;
  OutcomeEntry entry;
  entry.jobs = plain;
  entry.attempt = leased.attempt;
  entry.started_at = run.started_at;
  entry.finished_at = now.at;
  entry.worker_id = run.worker_id;
  entry.host = run.host;
  store_result(*batch, plain, outcome, entry);
  finish_plain(batch, plain, JobState::processing, std::move(entry));
}

void Engine::State::unlease(Grant& grant, GrantPart& part, const IndexSet& jobs) {
  Batch& batch = *part.batch;
  names.queue(batch.queue).leased -= jobs.count();
  sessions.unleased(grant, jobs.count());
  batch.leased.erase(jobs);
  part.leased.jobs.erase(jobs);
  if (grant.stored) changed(grant);
  if (!part.leased.jobs.empty()) return;
  const bool holds_more =
      std::any_of(grant.parts.begin(), grant.parts.end(), [&](const GrantPart& other) {
        return other.leased.batch == batch.id && !other.leased.jobs.empty();
      });
  if (!holds_more) {
    const auto token = std::find(batch.tokens.begin(), batch.tokens.end(), grant.token);
    if (token != batch.tokens.end()) batch.tokens.erase(token);
  }
  part.batch.reset();
}

// A grant ends with its last job; when it was stored, its record goes too.
void Engine::State::close_if_done(Grant& grant) {
  auto& first = grant.first_open;
  while (first < grant.parts.size() && grant.parts[first].leased.jobs.empty()) ++first;
  if (first < grant.parts.size()) return;
  if (grant.stored) open->erase(Table::leases, keys::grant(grant.token));
  sessions.remove_grant(grant.token);
}

}  // namespace pawl::core
