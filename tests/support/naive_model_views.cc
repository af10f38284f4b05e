// What queries say, and what is left at the end, as the naive model judges it.

#include <algorithm>

#include <fmt/format.h>

#include "tests/support/naive_model.h"

namespace pawl::test {

using core::Errc;
using core::JobState;
using Told = ModelLease::Told;

void NaiveModel::take(const core::CancelJobs& command) {
  for (const core::JobId& id : command.ids) {
    cancels_.insert(id);
    if (ModelJob* job = find_job(id)) job->cancel_asked = true;
  }
}

void NaiveModel::answer(const core::CancelJobs& command, const core::Reply& reply) {
  const auto* verdicts = std::get_if<core::CancelVerdicts>(&reply.body);
  if (verdicts == nullptr) return;
  for (std::size_t i = 0; i < command.ids.size(); ++i) {
    const core::JobId id = command.ids[i];
    const core::CancelVerdict& verdict = verdicts->jobs.at(i);
    ModelJob* job = find_job(id);
    if (verdict.code != Errc::ok || job == nullptr) continue;
    const ModelBatch& batch = *find_batch(id.batch());
    check_state(id, batch, verdict.state);
    if (verdict.state != JobState::cancelled) continue;
    if (job->completed != 0)
      broken(batch, "I6", "job " + short_id(id) + " was cancelled after it completed");
    if (job->cancelled == 0) job->cancelled = moment_;
  }
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
  if (!in_time && now.at < asked.at + command.max_wait) {
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
  check_state(id, *batch, view.state);
  const auto must_be = [&](Moment since, JobState state) {
    if (since == 0 || since > asked.moment || view.state == state) return;
    broken(*batch, "I6",
           fmt::format("job {} was {} and is now {}", short_id(id), to_string(state),
                       to_string(view.state)));
  };
  must_be(job->completed, JobState::completed);
  must_be(job->cancelled, JobState::cancelled);
  check_facts(view, *batch);
  if (payloads == core::GetJobs::Payloads::without) return;
  if (view.record.view() != batch->records.at(id.index()))
    broken(*batch, "I4", "the bytes of job " + short_id(id) + " changed");
  if (job->completed != 0 && view.state == JobState::completed &&
      view.result.view() != job->result.view()) {
    broken(*batch, "I4", "the result of job " + short_id(id) + " changed");
  }
}

void NaiveModel::check_facts(const core::JobView& view, ModelBatch& batch) {
  const ModelRun& run = batch.run_of(view.id.index());
  const bool same = view.queue == batch.asked.queue && view.ns == batch.asked.ns &&
                    view.type == run.group.type && view.priority == run.group.priority &&
                    view.key == run.group.key && view.max_attempts == run.max_attempts &&
                    view.attempt <= run.max_attempts;
  if (!same) broken(batch, "I4", "the facts of job " + short_id(view.id) + " changed");
}

// Whether the job can be in this state at all, after what was asked of it.
void NaiveModel::check_state(const core::JobId& id, const ModelBatch& batch, JobState state) {
  const ModelJob& job = batch.jobs[id.index()];
  const ModelRun& run = const_cast<ModelBatch&>(batch).run_of(id.index());
  const bool reported_done = std::any_of(job.leases.begin(), job.leases.end(),
                                         [](const auto& l) { return l.complete != Told::no; });
  bool possible = true;
  switch (state) {
    case JobState::scheduled:
      possible = run.group.due.kind != core::Due::Kind::now && job.leases.empty();
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

bool NaiveModel::may_be_over(const ModelBatch& batch, core::JobIndex index) {
  const ModelJob& job = batch.jobs[index];
  const ModelRun& run = const_cast<ModelBatch&>(batch).run_of(index);
  return job.refused || job.cancel_asked || job.fails(Told::asked) >= run.max_attempts ||
         std::any_of(job.leases.begin(), job.leases.end(),
                     [](const auto& lease) { return lease.complete != Told::no; });
}

// Whether the job may have been reaped by now.
bool NaiveModel::may_be_gone(const ModelBatch& batch, core::JobIndex index, core::Now now) const {
  core::Milliseconds retention{0};
  for (const ModelRun& run : batch.runs) retention = std::max(retention, run.retention);
  const ModelJob& job = batch.jobs[index];
  const ModelRun& run = const_cast<ModelBatch&>(batch).run_of(index);
  const bool surely_failed = job.fails(Told::agreed) >= run.max_attempts && !job.cancel_asked;
  if (surely_failed) {
    retention = std::max(retention, settings_.of(batch.asked.ns, batch.asked.queue).dead_retention);
  }
  if (now.at < batch.asked_at + retention) return false;
  for (std::size_t i = 0; i < batch.jobs.size(); ++i) {
    if (!may_be_over(batch, static_cast<core::JobIndex>(i))) return false;
  }
  return true;
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
  check_state(id, batch, state);
  const bool wrong = (job.completed != 0 && state != JobState::completed) ||
                     (job.cancelled != 0 && state != JobState::cancelled);
  if (wrong) {
    broken(batch, "I6",
           fmt::format("job {} ends as {}, but it had been {}", short_id(id), to_string(state),
                       job.completed != 0 ? "completed" : "cancelled"));
  }
  const std::size_t max_attempts = batch.run_of(id.index()).max_attempts;
  if (!job.cancel_asked && job.fails(Told::agreed) >= max_attempts && state != JobState::failed) {
    broken(
        batch, "I7",
        fmt::format("job {} has used up its attempts and is {}", short_id(id), to_string(state)));
  }
}

}  // namespace pawl::test
