// What queries say, and what is left at the end, as the naive model judges it.

#include <algorithm>

#include <fmt/format.h>

#include "tests/support/naive_model.h"

namespace pawl::test {

using core::Errc;
using core::JobState;
using Told = ModelLease::Told;

void NaiveModel::take(const core::CancelJobs& command, Asked&, core::Now now) {
  for (const core::JobId& id : command.ids) {
    cancels_.insert(id);
    ModelJob* job = find_job(id);
    if (job == nullptr) continue;
    job->cancel_asked = true;
    job->over_from = std::min(job->over_from, now.at);
  }
}

void NaiveModel::answer(const core::CancelJobs& command, const Asked& asked,
                        const core::Reply& reply, core::Now now) {
  const auto* verdicts = std::get_if<core::CancelVerdicts>(&reply.body);
  if (verdicts == nullptr) return;
  if (verdicts->jobs.size() != command.ids.size())
    return history_.broken("replies", "CancelJobs answers more or fewer jobs than asked for");
  for (std::size_t i = 0; i < command.ids.size(); ++i) {
    const core::JobId id = command.ids[i];
    const core::CancelVerdict& verdict = verdicts->jobs.at(i);
    ModelJob* job = find_job(id);
    if (verdict.code != Errc::ok || job == nullptr) continue;
    const ModelBatch& batch = *find_batch(id.batch());
    check_state(id, batch, verdict.state, asked.moment);
    if (verdict.state == JobState::processing) check_stopping(id, batch, *job, asked, now);
    if (verdict.state != JobState::cancelled) continue;
    history_.count("jobs cancelled");
    if (job->completed != 0)
      broken(batch, "I6", "job " + short_id(id) + " was cancelled after it completed");
    if (job->cancelled == 0) job->cancelled = moment_;
  }
}

// Its worker has been told, and the job does not start again.
void NaiveModel::check_stopping(const core::JobId& id, const ModelBatch& batch, ModelJob& job,
                                const Asked& asked, core::Now now) {
  if (job.stopping == 0) job.stopping = moment_;
  history_.count("running jobs cancelled");
  if (job.leases.empty()) return;
  const ModelLease& lease = job.leases.back();
  if (lease.left > asked.moment || !surely_live(lease, now)) return;
  const Session& session = sessions_.at(lease.session);
  const bool reachable = session.connection != 0 && session.resumed < asked.moment;
  if (reachable && job.told_to_stop != lease.token)
    broken(batch, "cancel", "the worker of job " + short_id(id) + " was not told to stop");
}

void NaiveModel::answer(const core::GetJobs& command, const Asked& asked, const core::Reply& reply,
                        core::Now now) {
  const auto* views = std::get_if<core::JobViews>(&reply.body);
  if (views == nullptr) return;
  if (views->jobs.size() != command.ids.size()) {
    return history_.broken("replies", "GetJobs answers more or fewer jobs than asked for");
  }
  for (std::size_t i = 0; i < command.ids.size(); ++i) {
    if (views->jobs[i].id != command.ids[i])
      history_.broken("replies", "GetJobs changes the order");
    check_view(views->jobs[i], command.payloads, asked, now);
  }
}

void NaiveModel::answer(const core::WaitJob& command, const Asked& asked, const core::Reply& reply,
                        core::Now now) {
  const auto* waited = std::get_if<core::Waited>(&reply.body);
  if (waited == nullptr) return;
  check_view(waited->job, command.payloads, asked, now);
  const bool in_time = waited->job.code != Errc::ok || is_final(waited->job.state);
  if (!in_time && now.at < asked.at + command.max_wait && stopping_ == 0) {
    history_.broken("wait", "a wait ended before its time and before its job");
  }
}

void NaiveModel::answer(const core::ListJobs& command, const Asked& asked, const core::Reply& reply,
                        core::Now now) {
  const auto* listed = std::get_if<core::Listed>(&reply.body);
  if (listed == nullptr) return;
  for (const core::JobView& view : listed->jobs) {
    const bool wanted = view.code == Errc::ok && view.state == command.state &&
                        view.queue == command.queue &&
                        (command.type.empty() || view.type == command.type);
    if (!wanted) history_.broken("list", "a list holds what was not asked for");
    check_view(view, core::GetJobs::Payloads::without, asked, now);
  }
  if (listed->jobs.size() > command.limit) history_.broken("list", "a page is over its limit");
}

void NaiveModel::check_view(const core::JobView& view, core::GetJobs::Payloads payloads,
                            const Asked& asked, core::Now now) {
  const core::JobId id = view.id;
  ModelBatch* batch = find_batch(id.batch());
  const ModelJob* job = find_job(id);
  if (view.code == Errc::too_large) return;
  if (view.code != Errc::ok) {
    if (batch == nullptr || job == nullptr || job->refused || batch->accepted == 0) return;
    if (batch->accepted < asked.moment && !may_be_gone(*batch, id.index(), now))
      broken(*batch, "I1", "job " + short_id(id) + " is not found");
    return;
  }
  if (job == nullptr || job->refused || batch->surely_absent()) {
    return history_.broken("I2", "job " + short_id(id) + " is seen and was never accepted");
  }
  check_state(id, *batch, view.state, asked.moment);
  const auto must_be = [&](Moment since, JobState state) {
    if (since == 0 || since > asked.moment || view.state == state) return;
    broken(*batch, "I6",
           fmt::format("job {} was {} and is now {}", short_id(id), to_string(state),
                       to_string(view.state)));
  };
  must_be(job->completed, JobState::completed);
  must_be(job->cancelled, JobState::cancelled);
  check_register(view, *batch, asked, now);
  check_facts(view, *batch);
  if (payloads == core::GetJobs::Payloads::without) return;
  if (view.record.view() != batch->records.at(id.index()))
    broken(*batch, "I4", "the bytes of job " + short_id(id) + " changed");
  if (job->completed != 0 && view.state == JobState::completed &&
      view.result.view() != job->result.view()) {
    broken(*batch, "I4", "the result of job " + short_id(id) + " changed");
  }
}

// The job as a register: what was surely so all the time between question and answer is what is
// seen, and a final state that was seen once stays.
void NaiveModel::check_register(const core::JobView& view, const ModelBatch& batch,
                                const Asked& asked, core::Now now) {
  ModelJob& job = *find_job(view.id);
  const auto wrong = [&](const std::string& why) {
    broken(
        batch, "I14",
        fmt::format("job {} is seen as {}, but {}", short_id(view.id), to_string(view.state), why));
  };
  if (job.over != 0 && job.over < asked.moment && view.state != job.over_as)
    wrong(fmt::format("it was seen as {} before", to_string(job.over_as)));
  if (is_final(view.state)) {
    if (job.over == 0) {
      job.over = moment_;
      job.over_as = view.state;
    }
    if (view.state == JobState::failed) history_.count("dead letters seen");
    return;
  }
  if (!job.leases.empty()) {
    const ModelLease& last = job.leases.back();
    const bool held = surely_live(last, now) && last.left < asked.moment;
    if (held && view.state != JobState::processing) wrong("its lease lives");
  }
  if (view.state != JobState::processing || job.granted_unseen) return;
  const bool may_hold = !job.leases.empty() && (job.leases.back().ended_at == 0 ||
                                                job.leases.back().ended_at > asked.moment);
  const bool may_be_on_its_way = std::any_of(asked_.begin(), asked_.end(), [](const auto& entry) {
    return std::holds_alternative<core::Fetch>(entry.second.command);
  });
  if (!may_hold && !may_be_on_its_way) wrong("nobody has it");
}

void NaiveModel::check_facts(const core::JobView& view, ModelBatch& batch) {
  const ModelRun& run = batch.run_of(view.id.index());
  const bool same = view.queue == batch.asked.queue && view.ns == batch.asked.ns &&
                    view.type == run.group.type && view.priority == run.group.priority &&
                    view.key == run.group.key && view.max_attempts == run.max_attempts &&
                    view.attempt <= run.max_attempts;
  if (!same) broken(batch, "I4", "the facts of job " + short_id(view.id) + " changed");
}

// Whether the job can have been in this state at all since somebody asked, after what was asked of
// it.
void NaiveModel::check_state(const core::JobId& id, const ModelBatch& batch, JobState state,
                             Moment asked) {
  const ModelJob& job = batch.jobs[id.index()];
  const ModelRun& run = batch.run_of(id.index());
  const bool reported_done = std::any_of(job.leases.begin(), job.leases.end(),
                                         [](const auto& l) { return l.complete != Told::no; });
  bool possible = true;
  switch (state) {
    case JobState::scheduled:
      possible = run.group.due.kind != core::Due::Kind::now &&
                 (job.leases.empty() || job.leases.front().left > asked);
      break;
    case JobState::retrying:
      possible = job.fails(Told::asked) > 0;
      break;
    case JobState::completed:
      possible = reported_done;
      break;
    case JobState::failed:
      possible = job.fails(Told::asked) >= run.max_attempts;
      break;
    case JobState::cancelled:
      possible = job.cancel_asked;
      break;
    case JobState::pending:
    case JobState::processing:
      break;
    default:
      possible = false;
  }
  if (!possible) {
    broken(batch, "I4",
           fmt::format("job {} is {}, and nothing has made it so", short_id(id), to_string(state)));
  }
}

// Whether the job may have been reaped by now: its batch is kept from the end of its last job on.
bool NaiveModel::may_be_gone(const ModelBatch& batch, core::JobIndex index, core::Now now) const {
  core::Milliseconds retention{0};
  for (const ModelRun& run : batch.runs) retention = std::max(retention, run.retention);
  const ModelJob& job = batch.jobs[index];
  const bool surely_failed =
      job.fails(Told::agreed) >= batch.run_of(index).max_attempts && !job.cancel_asked;
  const auto dead_retention = settings_.of(batch.asked.ns, batch.asked.queue).dead_retention;
  if (surely_failed && now.at < job.over_from + dead_retention) return false;
  core::Timestamp closed = batch.asked_at;
  for (const ModelJob& other : batch.jobs) {
    if (other.refused) continue;
    if (other.over_from == core::Timestamp::max()) return false;
    closed = std::max(closed, other.over_from);
  }
  return now.at >= closed + retention;
}

void NaiveModel::drained(const States& states, core::Now now) {
  for (const auto& [id, jobs] : states) {
    const ModelBatch* batch = find_batch(id);
    if (batch == nullptr || batch->surely_absent()) {
      history_.broken("I2", "batch " + short_id(id) + " is stored and was never accepted");
    }
  }
  for (auto& [id, batch] : batches_) {
    const auto stored = states.find(id);
    for (std::size_t i = 0; i < batch.jobs.size(); ++i) {
      if (batch.jobs[i].refused) continue;
      const bool known = stored != states.end() && i < stored->second.size();
      check_end(id.job(static_cast<core::JobIndex>(i)), batch,
                known ? stored->second[i] : JobState::none, now);
    }
  }
}

void NaiveModel::check_end(const core::JobId& id, ModelBatch& batch, JobState state,
                           core::Now now) {
  const ModelJob& job = batch.jobs[id.index()];
  if (state == JobState::none) {
    if (batch.accepted != 0 && !may_be_gone(batch, id.index(), now))
      broken(batch, "I1", "job " + short_id(id) + " is lost");
    return;
  }
  if (!is_final(state)) {
    return broken(batch, "I16", fmt::format("job {} is still {}", short_id(id), to_string(state)));
  }
  check_state(id, batch, state, moment_);
  const bool wrong = (job.completed != 0 && state != JobState::completed) ||
                     (job.cancelled != 0 && state != JobState::cancelled) ||
                     (job.over != 0 && state != job.over_as);
  if (wrong) {
    broken(batch, "I6",
           fmt::format("job {} ends as {}, but it had been {}", short_id(id), to_string(state),
                       job.completed != 0   ? "completed"
                       : job.cancelled != 0 ? "cancelled"
                                            : to_string(job.over_as)));
  }
  if (job.stopping != 0 && state != JobState::completed && state != JobState::cancelled) {
    broken(batch, "I6",
           fmt::format("job {} was cancelled while it ran and ends as {}", short_id(id),
                       to_string(state)));
  }
  const std::size_t max_attempts = batch.run_of(id.index()).max_attempts;
  if (!job.cancel_asked && job.fails(Told::agreed) >= max_attempts && state != JobState::failed) {
    broken(
        batch, "I7",
        fmt::format("job {} has used up its attempts and is {}", short_id(id), to_string(state)));
  }
}

}  // namespace pawl::test
