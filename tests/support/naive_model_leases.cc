// Sessions, deliveries and reports as the naive model sees them.

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "tests/support/naive_model.h"

namespace pawl::test {

using core::Errc;
using Told = ModelLease::Told;

// ---- sessions

void NaiveModel::take(const core::OpenSession& command, Asked&, core::Now now) {
  const auto found = sessions_.find(command.resume);
  if (found == sessions_.end()) return;
  Session& session = found->second;
  if (session.over || now.at >= session.deadline) {
    session.over = true;
    return;
  }
  session.connection = command.ticket.connection;
  session.deadline = now.at + settings_.lease;
  session.resumed = moment_;
  for (const auto& [id, token] : session.leases) {
    const bool listed = std::any_of(command.held.begin(), command.held.end(),
                                    [&, job = id, of = token](const core::Held& held) {
                                      return held.token == of && held.batch == job.batch() &&
                                             held.jobs.contains(job.index());
                                    });
    if (!listed) find_job(id)->lease(token)->returned = true;
  }
}

void NaiveModel::answer(const core::OpenSession& command, const Asked& asked,
                        const core::Reply& reply) {
  const auto* opened = std::get_if<core::SessionOpened>(&reply.body);
  if (opened == nullptr) return;
  if (opened->session != command.resume) {
    Session& session = sessions_[opened->session];
    session.connection = command.ticket.connection;
    session.deadline = asked.at + settings_.lease;
    return;
  }
  const auto found = sessions_.find(opened->session);
  if (found == sessions_.end() || found->second.over) return;
  for (const core::Held& lost : opened->lost) {
    lost.jobs.for_each([&](core::JobIndex index) {
      const ModelJob* job = find_job(lost.batch.job(index));
      if (job == nullptr || job->leases.empty()) return;
      const ModelLease& last = job->leases.back();
      const bool held = last.token == lost.token && last.session == opened->session &&
                        !last.told() && !last.returned && !last.dropped;
      if (held && !find_batch(lost.batch)->tainted) {
        history_.broken("I5",
                        fmt::format("job {} was called lost, but its session came back in time",
                                    short_id(lost.batch.job(index))));
      }
    });
  }
}

NaiveModel::Session* NaiveModel::live_session(const core::SessionId& id,
                                              core::ConnectionId connection, core::Now now) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return nullptr;
  Session& session = found->second;
  if (now.at >= session.deadline) session.over = true;
  if (session.over || session.connection != connection) return nullptr;
  session.deadline = now.at + settings_.lease;
  return &session;
}

void NaiveModel::take(const core::Fetch& command, Asked&, core::Now now) {
  live_session(command.session, command.ticket.connection, now);
}

void NaiveModel::take(const core::Heartbeat& command, Asked&, core::Now now) {
  live_session(command.session, command.ticket.connection, now);
}

void NaiveModel::take(const core::Disconnected& command, core::Now now) {
  for (auto& [ticket, asked] : asked_) asked.gone |= ticket.connection == command.connection;
  for (auto& [id, session] : sessions_) {
    if (session.connection != command.connection) continue;
    session.connection = 0;
    session.deadline = std::min(session.deadline, now.at + settings_.cut_grace);
  }
}

// ---- deliveries

void NaiveModel::answer(const core::Fetch& command, const Asked& asked, const core::Reply& reply,
                        core::Now now) {
  const auto* granted = std::get_if<core::Granted>(&reply.body);
  if (granted == nullptr) return;
  std::size_t jobs = 0;
  for (const core::Delivery& part : granted->deliveries) {
    jobs += part.jobs.count();
    delivery(part, *granted, command, asked.moment, now);
  }
  if (jobs > command.credits) {
    history_.broken("fetch", fmt::format("{} jobs for {} credits", jobs, command.credits));
  }
}

void NaiveModel::delivery(const core::Delivery& delivery, const core::Granted& granted,
                          const core::Fetch& fetch, Moment fetched, core::Now now) {
  ModelBatch* batch = find_batch(delivery.batch);
  const std::string id = short_id(delivery.batch);
  if (batch == nullptr) return history_.broken("I2", "batch " + id + " was never enqueued");
  if (batch->surely_absent()) broken(*batch, "I2", "batch " + id + " was refused");
  const bool queue_asked =
      std::count(fetch.queues.begin(), fetch.queues.end(), *delivery.queue) > 0;
  if (*delivery.queue != batch->asked.queue || !queue_asked) {
    broken(*batch, "fetch", "batch " + id + " came out of queue " + *delivery.queue);
  }
  std::string bytes;
  std::string expected;
  for (const core::Blob& record : delivery.records) bytes += record.view();
  delivery.jobs.for_each([&](core::JobIndex index) { expected += batch->records.at(index); });
  if (bytes != expected || delivery.defaults.view() != batch->asked.defaults.view()) {
    broken(*batch, "I4", "the bytes of batch " + id + " changed");
  }
  Session* session = nullptr;
  if (const auto found = sessions_.find(fetch.session); found != sessions_.end())
    session = &found->second;
  // The worker has come back meanwhile and did not list these jobs.
  const bool returned = session != nullptr && session->resumed > fetched;
  std::size_t position = 0;
  delivery.jobs.for_each([&](core::JobIndex index) {
    ModelLease lease;
    lease.token = granted.token;
    lease.session = fetch.session;
    lease.attempt = delivery.attempts.empty() ? 1 : delivery.attempts.at(position++);
    lease.left_at = now.at;
    lease.returned = returned;
    lease.dropped =
        granted.token.epoch() != epoch_ && !is_kept(delivery.batch.job(index), granted.token);
    const std::string& type = batch->run_of(index).group.type;
    if (!fetch.types.empty() && std::count(fetch.types.begin(), fetch.types.end(), type) == 0) {
      broken(*batch, "fetch", "a job of type " + type + " was not asked for");
    }
    delivered(*batch, index, lease, delivery, now);
    if (session != nullptr) session->leases.emplace_back(delivery.batch.job(index), lease.token);
  });
}

bool NaiveModel::surely_live(const ModelLease& lease, core::Now now) const {
  if (lease.dropped || lease.returned || lease.told()) return false;
  const auto session = sessions_.find(lease.session);
  return session != sessions_.end() && !session->second.over && now.at < session->second.deadline;
}

void NaiveModel::delivered(ModelBatch& batch, core::JobIndex index, ModelLease lease,
                           const core::Delivery& delivery, core::Now now) {
  const std::string id = short_id(delivery.batch.job(index));
  ModelJob& job = batch.jobs.at(index);
  const auto note = [&](std::string_view rule, const std::string& what) {
    broken(batch, rule, "job " + id + " " + what);
  };
  if (job.refused) note("I2", "was refused and is delivered");
  if (job.completed != 0) note("I6", "was completed and is delivered again");
  if (job.cancelled != 0) note("I6", "was cancelled and is delivered");
  const std::size_t max_attempts = batch.run_of(index).max_attempts;
  if (lease.attempt > max_attempts) note("I7", fmt::format("makes attempt {}", lease.attempt));
  if (lease.attempt < 1 + job.fails(Told::agreed) || lease.attempt > 1 + job.fails(Told::asked)) {
    note("I7", fmt::format("makes attempt {} after {} to {} failures", lease.attempt,
                           job.fails(Told::agreed), job.fails(Told::asked)));
  }
  if (!job.leases.empty()) {
    const ModelLease& last = job.leases.back();
    if (lease.token <= last.token) note("I5", "got a token that has not grown");
    if (surely_live(last, now)) note("I5", "has two leases");
  } else if (!job.granted_unseen) {
    check_order(batch, index, lease.token);
  }
  check_time(batch, index, delivery, now);
  job.leases.push_back(lease);
}

void NaiveModel::check_time(ModelBatch& batch, core::JobIndex index, const core::Delivery& delivery,
                            core::Now now) {
  const ModelRun& run = batch.run_of(index);
  const auto early = [&](std::string_view what, auto by) {
    broken(batch, "I8",
           fmt::format("job {} came {} ms before its {}", short_id(delivery.batch.job(index)),
                       by.count(), what));
  };
  const core::Due& due = run.group.due;
  if (due.kind == core::Due::Kind::delay && now.at < delivery.accepted_at + due.delay) {
    early("delay was over", delivery.accepted_at + due.delay - now.at);
  }
  if (due.kind == core::Due::Kind::run_at && batch.wall_max < due.run_at) {
    early("run-at", due.run_at - batch.wall_max);
  }
  std::uint32_t attempt = 0;
  for (const ModelLease& lease : batch.jobs[index].leases) {
    if (lease.fail != Told::agreed) continue;
    attempt = std::max(attempt, lease.attempt);
    core::Milliseconds wait = std::min(run.backoff, std::max(run.backoff, run.backoff_max));
    for (std::uint32_t doubled = 1; doubled < lease.attempt && wait < run.backoff_max; ++doubled)
      wait *= 2;
    wait = std::min(wait, std::max(run.backoff_max, run.backoff));
    if (now.at < lease.failed_at + wait) early("backoff was over", lease.failed_at + wait - now.at);
  }
}

// A first delivery: whoever stands before it in the lane must have been delivered before.
void NaiveModel::check_order(ModelBatch& batch, core::JobIndex index, core::Token token) {
  ModelRun& run = batch.run_of(index);
  const bool first = !std::exchange(run.delivered, true);
  if (run.group.due.kind != core::Due::Kind::now) return;
  const bool skipped = !first && index < run.highest && token > run.highest_token &&
                       token.epoch() == run.highest_token.epoch();
  if (skipped) {
    broken(batch, "I11",
           fmt::format("job {} came after job {} of its run",
                       short_id(batch.asked.batch.job(index)), run.highest));
  }
  if (first || index > run.highest) {
    run.highest = index;
    run.highest_token = token;
  }
  if (first) run.first_token = token;
  if (batch.accepted == 0) return;
  const LaneKey lane{batch.asked.queue, run.group.type, run.group.priority, run.group.key};
  for (const auto& [other, position] : lanes_.at(lane)) {
    const ModelRun& later = other->runs[position];
    if (!later.delivered || other->invoked < batch.accepted || other->tainted) continue;
    if (later.first_token < token && later.first_token.epoch() == token.epoch()) {
      broken(batch, "I11",
             fmt::format("batch {} overtook batch {}", short_id(other->asked.batch),
                         short_id(batch.asked.batch)));
    }
  }
}

// ---- reports

void NaiveModel::take(const core::Report& command, Asked& asked, core::Now now) {
  live_session(command.session, command.ticket.connection, now);
  for (const core::Outcome& outcome : command.outcomes) {
    outcome.jobs.for_each([&](core::JobIndex index) {
      asked.marks.push_back(mark_report(command, outcome, index, now));
    });
  }
}

NaiveModel::Mark NaiveModel::mark_report(const core::Report& command, const core::Outcome& outcome,
                                         core::JobIndex index, core::Now now) {
  Mark mark;
  ModelJob* job = find_job(outcome.batch.job(index));
  ModelLease* lease = job == nullptr ? nullptr : job->lease(outcome.token);
  if (lease == nullptr) return mark;
  const auto session = sessions_.find(command.session);
  mark.superseded = job->leases.back().token > outcome.token;
  mark.over = job->completed != 0 || job->cancelled != 0;
  mark.surely_live = !mark.superseded && lease->session == command.session &&
                     surely_live(*lease, now) && session != sessions_.end() &&
                     session->second.connection == command.ticket.connection;
  const auto ask = [](Told& told) { told = std::max(told, Told::asked); };
  if (outcome.kind == core::Outcome::Kind::complete) ask(lease->complete);
  if (outcome.kind == core::Outcome::Kind::release) ask(lease->release);
  if (outcome.kind == core::Outcome::Kind::fail) {
    if (lease->fail == Told::no) lease->failed_at = now.at;
    ask(lease->fail);
  }
  return mark;
}

void NaiveModel::answer(const core::Report& command, const Asked& asked, const core::Reply& reply) {
  const auto* reported = std::get_if<core::Reported>(&reply.body);
  if (reported == nullptr) return;
  std::set<std::pair<std::uint32_t, core::JobIndex>> refused;
  for (const core::RefusedOutcome& job : reported->refused) refused.emplace(job.outcome, job.index);
  auto mark = asked.marks.begin();
  for (std::uint32_t i = 0; i < command.outcomes.size(); ++i) {
    const core::Outcome& outcome = command.outcomes[i];
    outcome.jobs.for_each([&](core::JobIndex index) {
      const Mark& known = *mark++;
      if (refused.count({i, index}) == 0) return agreed(outcome, index, known, command.session);
      if (!known.surely_live) return;
      broken(*find_batch(outcome.batch), "I5",
             fmt::format("the report of job {} was refused, but its lease lives",
                         short_id(outcome.batch.job(index))));
    });
  }
}

void NaiveModel::agreed(const core::Outcome& outcome, core::JobIndex index, const Mark& mark,
                        const core::SessionId& session) {
  const core::JobId id = outcome.batch.job(index);
  ModelBatch* batch = find_batch(outcome.batch);
  ModelJob* job = find_job(id);
  ModelLease* lease = job == nullptr ? nullptr : job->lease(outcome.token);
  if (lease == nullptr) {
    return history_.broken("I5", "a report of job " + short_id(id) + " counts without a lease");
  }
  const auto note = [&](std::string_view rule, std::string_view what) {
    broken(*batch, rule, fmt::format("job {} {}", short_id(id), what));
  };
  if (mark.superseded) note("I5", "was reported with a stale token, and it counts");
  if (lease->session != session && !lease->dropped)
    note("I5", "was reported by another session, and it counts");
  if (outcome.kind == core::Outcome::Kind::extend) return;
  // A release that was not on disk when the broker crashed may be forgotten.
  const bool forgotten = lease->release == Told::agreed && outcome.token.epoch() != epoch_;
  if (lease->ended() && !forgotten) note("I5", "was reported twice, and both count");
  // A report is answered when all of its outcomes are decided: until then a job that it released or
  // failed may have run again and be completed.
  const bool completes = outcome.kind == core::Outcome::Kind::complete;
  const bool over = job->completed != 0 || job->cancelled != 0;
  if (completes ? over : mark.over) note("I6", "was over, and a report counts");
  switch (outcome.kind) {
    case core::Outcome::Kind::complete:
      if (job->leases.back().token > outcome.token) note("I6", "was delivered while it completed");
      lease->complete = Told::agreed;
      job->completed = moment_;
      job->result = outcome.result;
      return;
    case core::Outcome::Kind::fail:
      lease->fail = Told::agreed;
      return;
    default:
      lease->release = Told::agreed;
  }
}

}  // namespace pawl::test
