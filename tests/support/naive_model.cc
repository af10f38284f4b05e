#include "tests/support/naive_model.h"

#include <algorithm>

#include <fmt/format.h>

#include "broker/core/batch.h"
#include "broker/core/job_state.h"
#include "broker/runtime/outstanding.h"

namespace pawl::test {

using core::Errc;

namespace {

constexpr std::uint64_t kClockShown = 1'000'000'000;  // Of a time, in ms.

}  // namespace

ModelLease* ModelJob::lease(core::Token token) {
  const auto found = std::find_if(leases.begin(), leases.end(),
                                  [&](const ModelLease& lease) { return lease.token == token; });
  return found == leases.end() ? nullptr : &*found;
}

std::size_t ModelJob::fails(ModelLease::Told at_least) const {
  return static_cast<std::size_t>(
      std::count_if(leases.begin(), leases.end(),
                    [&](const ModelLease& lease) { return lease.fail >= at_least; }));
}

ModelRun& ModelBatch::run_of(core::JobIndex index) {
  return *std::find_if(runs.begin(), runs.end(),
                       [&](const ModelRun& run) { return run.group.jobs.contains(index); });
}

void NaiveModel::saw(core::Now now) {
  for (ModelBatch* batch : with_run_at_) batch->wall_max = std::max(batch->wall_max, now.wall);
}

void NaiveModel::executed(const core::Command& command, core::Now now) {
  ++moment_;
  saw(now);
  if (history_.listens())
    history_.note(fmt::format("{} {}", core::to_ms(now.at) % kClockShown, text_of(command)));
  if (const auto* gone = std::get_if<core::Disconnected>(&command)) return take(*gone, now);
  if (const auto* admission = std::get_if<core::Admission>(&command)) {
    if (admission->kind != admission_) admission_since_ = moment_;
    admission_ = admission->kind;
    return;
  }
  if (std::holds_alternative<core::StopLeasing>(command)) stopping_ = moment_;
  const core::Ticket ticket = runtime::ticket_of(command);
  if (ticket.request == 0) return;
  const auto [place, fresh] =
      asked_.try_emplace(ticket, Asked{command, now.at, moment_, false, false, false, {}});
  if (!fresh) return history_.broken("harness", "a request number was used twice");
  Asked& asked = place->second;
  std::visit(
      [&](const auto& body) {
        if constexpr (requires { take(body, asked, now); }) {
          take(body, asked, now);
        } else if constexpr (requires { take(body); }) {
          take(body);
        }
      },
      command);
}

void NaiveModel::left(const core::Reply& reply, core::Now now) {
  ++moment_;
  saw(now);
  if (history_.listens())
    history_.note(fmt::format("{} {}", core::to_ms(now.at) % kClockShown, text_of(reply)));
  if (reply.ticket.request == 0) return push(reply);
  const auto found = asked_.find(reply.ticket);
  if (found == asked_.end()) {
    return history_.broken("replies", fmt::format("request {}.{} was answered twice",
                                                  reply.ticket.connection, reply.ticket.request));
  }
  const Asked asked = std::move(found->second);
  asked_.erase(found);
  if (const auto* refused = std::get_if<core::Refused>(&reply.body))
    check_refusal(*refused, asked, now);
  std::visit(
      [&](const auto& body) {
        if constexpr (requires { answer(body, asked, reply, now); }) {
          answer(body, asked, reply, now);
        } else if constexpr (requires { answer(body, asked, reply); }) {
          answer(body, asked, reply);
        } else if constexpr (requires { answer(body, reply); }) {
          answer(body, reply);
        }
      },
      asked.command);
}

// A worker is told to stop a job: one that it has, and that somebody wants stopped.
void NaiveModel::push(const core::Reply& reply) {
  const auto* stop = std::get_if<core::CancelRunning>(&reply.body);
  if (stop == nullptr) return;
  history_.count("pushes to stop a job");
  ModelJob* job = find_job(stop->job);
  const bool known = job != nullptr && job->cancel_asked &&
                     (job->lease(stop->token) != nullptr || job->granted_unseen);
  if (known) {
    job->told_to_stop = stop->token;
  } else {
    history_.broken("cancel", "a worker is told to stop job " + short_id(stop->job) +
                                  ", which nobody wants stopped, or which it does not have");
  }
}

void NaiveModel::epoch_begins(core::Epoch epoch, End how, const StoredLeases& stored,
                              core::Now now) {
  ++moment_;
  epoch_ = epoch;
  if (first_epoch_ == 0) first_epoch_ = epoch;
  epoch_began_ = moment_;
  stopping_ = 0;
  if (admission_ != core::Admission::Kind::open) admission_since_ = moment_;
  admission_ = core::Admission::Kind::open;
  if (how == End::crash) asked_.clear();
  std::map<core::SessionId, Session> before = std::move(sessions_);
  sessions_.clear();
  for (const core::SessionId& id : stored.sessions) {
    Session& session = sessions_[id];
    session.deadline = now.at + settings_.restart_grace;
    session.leases = std::move(before[id].leases);
  }
  kept_.clear();
  for (const core::Held& grant : stored.grants) {
    kept_[{grant.token, grant.batch}].insert(grant.jobs);
    grant.jobs.for_each([&](core::JobIndex index) {
      ModelJob* job = find_job(grant.batch.job(index));
      if (job != nullptr && job->lease(grant.token) == nullptr) job->granted_unseen = true;
    });
  }
  for (const core::JobId& id : stored.own_records) {
    if (ModelJob* job = find_job(id)) job->has_record = true;
  }
  for (auto& [id, batch] : batches_) {
    if (how == End::crash && batch.relaxed) batch.tainted = true;
    for (std::size_t i = 0; i < batch.jobs.size(); ++i) {
      for (ModelLease& lease : batch.jobs[i].leases) {
        const bool kept = is_kept(id.job(static_cast<core::JobIndex>(i)), lease.token);
        lease.dropped |= !kept;
        if (kept && lease.release == ModelLease::Told::agreed) lease.ended_at = 0;  // Forgotten.
      }
    }
  }
}

bool NaiveModel::is_kept(const core::JobId& id, core::Token token) const {
  const auto found = kept_.find({token, id.batch()});
  return found != kept_.end() && found->second.contains(id.index());
}

ModelBatch* NaiveModel::find_batch(const core::BatchId& id) {
  const auto batch = batches_.find(id);
  return batch == batches_.end() ? nullptr : &batch->second;
}

ModelJob* NaiveModel::find_job(const core::JobId& id) {
  const auto batch = batches_.find(id.batch());
  if (batch == batches_.end() || id.index() >= batch->second.jobs.size()) return nullptr;
  return &batch->second.jobs[id.index()];
}

ModelBatch& NaiveModel::make_batch(const core::Enqueue& command, core::Now now) {
  ModelBatch& batch = batches_[command.batch];
  batch.asked = command;
  batch.asked_at = now.at;
  batch.wall_max = now.wall;
  batch.invoked = moment_;
  batch.jobs.resize(command.job_count);
  std::string_view rest = command.jobs.view();
  while (!rest.empty()) {
    const std::size_t size = core::record_size(rest);
    batch.records.push_back(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  for (const core::RefusedJob& job : command.refused) batch.jobs[job.index].refused = true;
  for (core::JobIndex i = 0; i < command.job_count; ++i) {
    if (cancels_.count(command.batch.job(i)) == 0) continue;
    batch.jobs[i].cancel_asked = true;
    batch.jobs[i].over_from = now.at;
  }
  const core::QueueSettings& defaults = settings_.of(command.ns, command.queue);
  batch.relaxed = defaults.durability == core::Durability::written;
  for (const core::JobGroup& group : command.groups) {
    ModelRun run;
    run.group = group;
    const core::JobOptions& options = group.options;
    run.retention = options.retention.value_or(defaults.retention);
    run.max_attempts = options.max_attempts == 0 ? defaults.max_attempts : options.max_attempts;
    run.backoff = options.backoff.count() == 0 ? defaults.backoff : options.backoff;
    run.backoff_max = options.backoff_max.count() == 0 ? defaults.backoff_max : options.backoff_max;
    if (group.due.kind == core::Due::Kind::run_at) with_run_at_.push_back(&batch);
    const LaneKey lane{command.ns, command.queue, group.type, group.priority, group.key};
    if (group.due.kind == core::Due::Kind::now) {
      lanes_[lane].emplace_back(&batch, batch.runs.size());
    } else {
      late_lanes_.insert(lane);
    }
    batch.runs.push_back(std::move(run));
  }
  return batch;
}

void NaiveModel::take(const core::Enqueue& command, Asked&, core::Now now) {
  const auto known = batches_.find(command.batch);
  ModelBatch& batch = known == batches_.end() ? make_batch(command, now) : known->second;
  if (batch.is_other(command)) return;
  if (batch.accepted == 0) batch.asked_at = std::min(batch.asked_at, now.at);
  if (batch.surely_absent()) {  // As if it came for the first time.
    batch.asked_at = now.at;
    batch.wall_max = now.wall;
    batch.invoked = moment_;
  }
  ++batch.tries;
  ++batch.maybe;
}

void NaiveModel::answer(const core::Enqueue& command, const Asked& asked, const core::Reply& reply,
                        core::Now now) {
  ModelBatch& batch = batches_.at(command.batch);
  if (const auto* accepted = std::get_if<core::Accepted>(&reply.body)) {
    check_accepted(command, asked, batch, *accepted, now);
  } else if (const auto* refused = std::get_if<core::Refused>(&reply.body)) {
    check_refused(command, asked, batch, *refused);
  } else {
    history_.broken("replies", "an enqueue was answered with something else");
  }
}

void NaiveModel::check_accepted(const core::Enqueue& command, const Asked& asked, ModelBatch& batch,
                                const core::Accepted& accepted, core::Now now) {
  const std::string id = short_id(command.batch);
  if (batch.is_other(command)) {
    return broken(batch, "I3", "other bytes were accepted under the id of batch " + id);
  }
  const auto id_time = core::timestamp_from_ms(command.batch.time_ms());
  if (id_time + core::limits::kReceiptWindow < asked.at ||
      id_time > now.at + core::limits::kIdAheadMax) {
    broken(batch, "I3", "the id of batch " + id + " was expired and is accepted");
  }
  const bool full =
      admission_ == core::Admission::Kind::disk_full && admission_since_ < asked.moment;
  if (full && !accepted.duplicate && asked.moment > epoch_began_)
    broken(batch, "disk", "batch " + id + " was accepted while the disk was full");
  if (accepted.level != settings_.of(command.ns, command.queue).durability)
    broken(batch, "replies", "batch " + id + " was accepted at another level than its queue's");
  history_.count(accepted.duplicate ? "batches sent again" : "batches accepted");
  if (batch.relaxed) history_.count("batches accepted when written");
  if (!accepted.duplicate && batch.made) broken(batch, "I3", "batch " + id + " was made twice");
  if (accepted.duplicate && batch.tries < 2) {
    broken(batch, "I3", "batch " + id + " was sent once and called a duplicate");
  }
  const auto same = [](const core::RefusedJob& a, const core::RefusedJob& b) {
    return a.index == b.index && a.code == b.code && a.message == b.message;
  };
  if (!std::equal(accepted.refused.begin(), accepted.refused.end(), command.refused.begin(),
                  command.refused.end(), same)) {
    broken(batch, "I3", "the verdicts of batch " + id + " changed");
  }
  batch.made |= !accepted.duplicate;
  if (batch.accepted == 0) batch.accepted = moment_;
}

void NaiveModel::check_refused(const core::Enqueue& command, const Asked& asked, ModelBatch& batch,
                               const core::Refused& refused) {
  if (refused.code == Errc::unavailable) return;  // It may have been accepted all the same.
  const bool other_bytes = batch.is_other(command);
  const std::string id = short_id(command.batch);
  if (refused.code == Errc::id_conflict && !other_bytes) {
    broken(batch, "I3", "batch " + id + " conflicts with itself");
  }
  if (refused.code == Errc::id_expired) {
    const auto behind = asked.at - core::timestamp_from_ms(command.batch.time_ms());
    if (behind > -core::limits::kIdAheadMax && behind < core::limits::kReceiptWindow) {
      broken(batch, "I3", "the id of batch " + id + " is not expired");
    }
  }
  if (!other_bytes) --batch.maybe;
}

}  // namespace pawl::test
