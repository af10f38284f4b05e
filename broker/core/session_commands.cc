#include <algorithm>

#include "broker/core/assert.h"
#include "broker/core/engine_state.h"

namespace pawl::core {

void Engine::State::open_session(const OpenSession& command) {
  if (Session* known = command.resume.empty() ? nullptr : sessions.find(command.resume)) {
    return resume(*known, command);
  }
  Session made;
  made.id = command.fresh;
  if (made.id.empty()) made.id = {random.next(), random.next()};
  made.worker_id = command.worker_id;
  made.host = command.host;
  made.connection = command.ticket.connection;
  made.deadline = now.at + settings.lease;
  Session& session = sessions.add(std::move(made));
  SessionOpened opened{session.id, now.at, {}};
  for (const Held& held : command.held) {
    IndexSet lost;
    if (!still_held(held, session, lost)) opened.lost.push_back({held.token, held.batch, lost});
  }
  reply(command.ticket, std::move(opened));
}

// The worker is back. What it lists goes on; what it does not list was lost on the way to it and
// returns at once.
void Engine::State::resume(Session& session, const OpenSession& command) {
  refuse_parked(session.connection);
  sessions.bind(session, command.ticket.connection);
  sessions.set_deadline(session, now.at + settings.lease);
  SessionOpened opened{session.id, now.at, {}};
  std::map<std::pair<Token, BatchId>, IndexSet> listed;
  for (const Held& held : command.held) {
    IndexSet lost;
    if (!still_held(held, session, lost)) opened.lost.push_back({held.token, held.batch, lost});
    listed[{held.token, held.batch}].insert(held.jobs);
  }
  const std::set<Token> tokens = session.grants;
  for (const Token token : tokens) {
    std::map<BatchId, IndexSet> unlisted;
    for (const GrantPart& part : sessions.find_grant(token)->parts)
      unlisted[part.leased.batch].insert(part.leased.jobs);
    for (auto& [batch, jobs] : unlisted) {
      const auto of_worker = listed.find({token, batch});
      if (of_worker != listed.end()) jobs.erase(of_worker->second);
      if (!jobs.empty()) return_jobs(token, batch, jobs);
    }
  }
  reply(command.ticket, std::move(opened));
  push_cancels(session);
}

// Whether the session holds all of these jobs; otherwise `lost` are those that it does not. A token
// of the epoch before may belong to a grant that was never stored: its report can still count, so
// it is not called lost.
bool Engine::State::still_held(const Held& held, const Session& session, IndexSet& lost) {
  const Grant* grant = sessions.find_grant(held.token);
  if (grant == nullptr && held.token.epoch() + 1 == epoch) return true;
  lost = held.jobs;
  if (grant != nullptr && grant->session == session.id) {
    for (const GrantPart& part : grant->parts) {
      if (part.leased.batch == held.batch) lost.erase(part.leased.jobs);
    }
  }
  return lost.empty();
}

// Jobs of a grant that never reached their worker wait again, uncounted.
void Engine::State::return_jobs(Token token, const BatchId& id, const IndexSet& jobs) {
  with_batch(id, [this, token, id, jobs](const BatchPtr& batch) {
    Grant* grant = sessions.find_grant(token);
    if (grant == nullptr || batch == nullptr) return;
    for (GrantPart& part : grant->parts) {
      if (part.leased.batch != id) continue;
      const IndexSet back = part.leased.jobs.common(jobs);
      if (back.empty()) continue;
      if (is_full()) return put_off([this, token, id, jobs] { return_jobs(token, id, jobs); });
      Outcome release;
      release.kind = Outcome::Kind::release;
      apply_to_part(release, back, *grant, part);
      unlease(*grant, part, back);
    }
    close_if_done(*grant);
  });
}

void Engine::State::heartbeat(const Heartbeat& command) {
  Session* session = sessions.find(command.session);
  if (session == nullptr || session->connection != command.ticket.connection) {
    return refuse(command.ticket, Errc::lease_lost,
                  "this session is over; open a new one with Hello");
  }
  sessions.set_deadline(*session, now.at + settings.lease);
  reply(command.ticket, Beaten{now.at});
}

void Engine::State::disconnected(const Disconnected& command) {
  unpark(command.connection);
  forget_waits(command.connection);
  Session* session = sessions.on_connection(command.connection);
  if (session == nullptr) return;
  sessions.bind(*session, 0);
  sessions.set_deadline(*session, std::min(session->deadline, now.at + settings.cut_grace));
}

// Asks for the batches of leases that outlived a restart; true when all are in memory.
bool Engine::State::load_leased(const Session& session) {
  bool all = true;
  for (const Token token : session.grants) {
    for (const GrantPart& part : sessions.find_grant(token)->parts) {
      if (part.batch != nullptr || part.leased.jobs.empty()) continue;
      all = false;
      with_batch(part.leased.batch, [](const BatchPtr& batch) { PAWL_ASSERT(batch != nullptr); });
    }
  }
  return all;
}

void Engine::State::end_overdue_sessions(Timestamp until) {
  while (Session* session = has_room_for_due() ? sessions.overdue(until) : nullptr) {
    end_session(*session);
  }
}

// The worker is gone: its jobs wait again. With many jobs it takes several commits.
void Engine::State::end_session(Session& session) {
  if (!load_leased(session)) {
    static constexpr Milliseconds kLoading{50};
    return sessions.set_deadline(session, now.at + kLoading);
  }
  if (session.connection != 0) refuse_parked(session.connection);
  const JobRun who{now.at, session.worker_id, session.host};
  const std::set<Token> tokens = session.grants;
  for (const Token token : tokens) {
    Grant& grant = *sessions.find_grant(token);
    JobRun run = who;
    run.started_at = grant.at;
    for (GrantPart& part : grant.parts) {
      if (part.leased.jobs.empty()) continue;
      if (!has_room_for_due()) return;
      const BatchPtr batch = part.batch;
      const LeasedJobs leased = part.leased;
      sync_for(names.queue(batch->queue));
      unlease(grant, part, leased.jobs);
      leased.jobs.for_each([&](JobIndex index) { lose_job(batch, index, leased, run); });
    }
    close_if_done(grant);
  }
  if (session.stored) open->erase(Table::leases, keys::session(session.id));
  sessions.remove(session.id);
}

void Engine::State::stop_leasing() {
  stopping = true;
  for (const auto& [time, token] : unstored_grants) {
    Grant* grant = sessions.find_grant(token);
    if (grant != nullptr && !grant->stored) store_grant(*grant);
  }
  end_parked(Timestamp::max());
}

}  // namespace pawl::core
