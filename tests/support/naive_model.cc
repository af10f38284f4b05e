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
  const core::Ticket ticket = runtime::ticket_of(command);
  if (ticket.request == 0) return;
  const auto [place, fresh] =
      asked_.try_emplace(ticket, Asked{command, now.at, moment_, false, {}});
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
  if (reply.ticket.request == 0) return;
  const auto found = asked_.find(reply.ticket);
  if (found == asked_.end()) {
    return history_.broken("replies", fmt::format("request {}.{} was answered twice",
                                                  reply.ticket.connection, reply.ticket.request));
  }
  const Asked asked = std::move(found->second);
  asked_.erase(found);
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

void NaiveModel::epoch_begins(core::Epoch epoch, End how, const StoredLeases& stored,
                              core::Now now) {
  ++moment_;
  epoch_ = epoch;
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
  for (auto& [id, batch] : batches_) {
    if (how == End::crash && batch.relaxed) batch.tainted = true;
    for (std::size_t i = 0; i < batch.jobs.size(); ++i) {
      for (ModelLease& lease : batch.jobs[i].leases) {
        lease.dropped |= !is_kept(id.job(static_cast<core::JobIndex>(i)), lease.token);
      }
    }
  }
}

bool NaiveModel::is_kept(const core::JobId& id, core::Token token) const {
  const auto found = kept_.find({token, id.batch()});
  return found != kept_.end() && found->second.contains(id.index());
}

std::vector<core::Ticket> NaiveModel::unanswered() const {
  std::vector<core::Ticket> tickets;
  for (const auto& [ticket, asked] : asked_) {
    if (!asked.gone) tickets.push_back(ticket);
  }
  return tickets;
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
  for (core::JobIndex i = 0; i < command.job_count; ++i)
    batch.jobs[i].cancel_asked = cancels_.count(command.batch.job(i)) != 0;
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
    if (group.due.kind == core::Due::Kind::now) {
      lanes_[{command.queue, group.type, group.priority, group.key}].emplace_back(
          &batch, batch.runs.size());
    }
    batch.runs.push_back(std::move(run));
  }
  return batch;
}

void NaiveModel::take(const core::Enqueue& command, Asked&, core::Now now) {
  const auto known = batches_.find(command.batch);
  ModelBatch& batch = known == batches_.end() ? make_batch(command, now) : known->second;
  if (command.hash != batch.asked.hash) return;
  ++batch.tries;
  ++batch.maybe;
}

void NaiveModel::answer(const core::Enqueue& command, const Asked& asked,
                        const core::Reply& reply) {
  ModelBatch& batch = batches_.at(command.batch);
  if (const auto* accepted = std::get_if<core::Accepted>(&reply.body)) {
    check_accepted(command, batch, *accepted);
  } else if (const auto* refused = std::get_if<core::Refused>(&reply.body)) {
    check_refused(command, asked, batch, *refused);
  } else {
    history_.broken("replies", "an enqueue was answered with something else");
  }
}

void NaiveModel::check_accepted(const core::Enqueue& command, ModelBatch& batch,
                                const core::Accepted& accepted) {
  const std::string id = short_id(command.batch);
  if (command.hash != batch.asked.hash) {
    return broken(batch, "I3", "other bytes were accepted under the id of batch " + id);
  }
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
  const bool other_bytes = command.hash != batch.asked.hash;
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
