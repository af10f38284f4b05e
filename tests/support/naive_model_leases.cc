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
  history_.count("sessions resumed");
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

void NaiveModel::take(const core::Disconnected& command, core::Now now) {
  for (auto& [ticket, asked] : asked_) asked.gone |= ticket.connection == command.connection;
  for (auto& [id, session] : sessions_) {
    if (session.connection != command.connection) continue;
    session.connection = 0;
    session.deadline = std::min(session.deadline, now.at + settings_.cut_grace);
  }
}

void NaiveModel::take(const core::EndFetch& command, Asked&, core::Now) {
  for (auto& [ticket, asked] : asked_) {
    if (ticket.connection == command.ticket.connection) asked.ended = true;
  }
}

// ---- deliveries

void NaiveModel::answer(const core::Fetch& command, const Asked& asked, const core::Reply& reply,
                        core::Now now) {
  const auto* granted = std::get_if<core::Granted>(&reply.body);
  if (granted == nullptr) {
    if (!std::holds_alternative<core::Refused>(reply.body))
      history_.broken("replies", "a fetch was answered with something else");
    return;
  }
  const bool in_time = now.at >= asked.at + command.max_wait || asked.ended || stopping_ != 0;
  if (granted->deliveries.empty() && !in_time)
    history_.broken("fetch", "a fetch was answered empty before its time");
  check_picks(*granted, command, asked.moment);
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
  if (delivery.accepted_at < batch->asked_at || delivery.accepted_at > now.at)
    broken(*batch, "I8", "batch " + id + " was not accepted when its delivery says");
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
    lease.left = moment_;
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
  if (job.stopping != 0) note("I6", "was cancelled while it ran and is delivered again");
  if (job.over != 0) note("I6", fmt::format("was {} and is delivered", to_string(job.over_as)));
  check_stored(batch, index, lease, now);
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
  } else if (!job.granted_unseen && !job.has_record) {
    check_order(batch, index, lease.token);
  }
  check_time(batch, index, delivery, now);
  job.leases.push_back(lease);
}

// What would start again with the same attempt number after a crash of the broker, although it was
// delivered before or must start only once, has its lease in the store before it leaves.
void NaiveModel::check_stored(const ModelBatch& batch, core::JobIndex index,
                              const ModelLease& lease, core::Now now) {
  const ModelJob& job = batch.jobs[index];
  const bool again = job.fails(Told::agreed) > 0 ||
                     std::any_of(job.leases.begin(), job.leases.end(), [&](const auto& before) {
                       return before.token.epoch() == lease.token.epoch();
                     });
  if (!again && batch.run_of(index).max_attempts != 1) return;
  const auto session = sessions_.find(lease.session);
  const bool held =
      surely_live(lease, now) && session->second.connection != 0 && lease.token.epoch() == epoch_;
  const core::JobId id = batch.asked.batch.job(index);
  if (!held || !is_stored_) return;
  history_.count("leases stored before their delivery");
  if (!is_stored_(lease.token, id))
    broken(batch, "I7", "job " + short_id(id) + " leaves before its lease is stored");
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
  const core::Timestamp accepted_at = std::max(delivery.accepted_at, batch.asked_at);
  if (due.kind == core::Due::Kind::delay && now.at < accepted_at + due.delay) {
    early("delay was over", accepted_at + due.delay - now.at);
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

// ---- reports

void NaiveModel::take(const core::Report& command, Asked& asked, core::Now now) {
  asked.live = live_session(command.session, command.ticket.connection, now) != nullptr;
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
  if (outcome.kind != core::Outcome::Kind::extend) ++lease->reports;
  const auto ask = [](Told& told) { told = std::max(told, Told::asked); };
  if (outcome.kind == core::Outcome::Kind::complete) {
    ask(lease->complete);
    job->over_from = std::min(job->over_from, now.at);
  }
  if (outcome.kind == core::Outcome::Kind::release) ask(lease->release);
  if (outcome.kind == core::Outcome::Kind::fail) {
    lease->failed_at = lease->fail == Told::no ? now.at : std::min(lease->failed_at, now.at);
    ask(lease->fail);
    if (job->fails(Told::asked) >= find_batch(outcome.batch)->run_of(index).max_attempts)
      job->over_from = std::min(job->over_from, now.at);
  }
  return mark;
}

void NaiveModel::answer(const core::Report& command, const Asked& asked, const core::Reply& reply) {
  const auto* reported = std::get_if<core::Reported>(&reply.body);
  if (reported == nullptr) {
    if (!std::holds_alternative<core::Refused>(reply.body))
      history_.broken("replies", "a report was answered with something else");
    return;
  }
  std::set<std::pair<std::uint32_t, core::JobIndex>> refused;
  for (const core::RefusedOutcome& job : reported->refused) refused.emplace(job.outcome, job.index);
  auto mark = asked.marks.begin();
  for (std::uint32_t i = 0; i < command.outcomes.size(); ++i) {
    const core::Outcome& outcome = command.outcomes[i];
    outcome.jobs.for_each([&](core::JobIndex index) {
      const Mark& known = *mark++;
      if (refused.count({i, index}) == 0)
        return agreed(outcome, index, known, command.session, asked.at);
      // Another report of the job may have come before it, although it was sent later.
      const bool only_one = known.surely_live &&
                            find_job(outcome.batch.job(index))->lease(outcome.token)->reports == 1;
      if (!only_one) return;
      broken(*find_batch(outcome.batch), "I5",
             fmt::format("the report of job {} was refused, but its lease lives",
                         short_id(outcome.batch.job(index))));
    });
  }
}

void NaiveModel::answer(const core::Heartbeat&, const Asked&, const core::Reply& reply) {
  const bool fits = std::holds_alternative<core::Beaten>(reply.body) ||
                    std::holds_alternative<core::Refused>(reply.body);
  if (!fits) history_.broken("replies", "a heartbeat was answered with something else");
}

void NaiveModel::agreed(const core::Outcome& outcome, core::JobIndex index, const Mark& mark,
                        const core::SessionId& session, core::Timestamp reported_at) {
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
  lease->ended_at = moment_;
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
      job->over_from = reported_at;
      history_.count("jobs completed");
      job->result = outcome.result;
      return;
    case core::Outcome::Kind::fail:
      lease->fail = Told::agreed;
      history_.count("attempts failed");
      return;
    default:
      lease->release = Told::agreed;
      history_.count("jobs released");
  }
}

}  // namespace pawl::test
