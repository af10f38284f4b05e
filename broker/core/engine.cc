#include "broker/core/engine.h"

#include <algorithm>
#include <utility>

#include "broker/core/engine_state.h"

namespace pawl::core {

namespace {

void earlier(std::optional<Timestamp>& best, std::optional<Timestamp> time) {
  if (time && (!best || *time < *best)) best = time;
}

}  // namespace

Engine::Engine(const Settings& settings, const EngineStart& start, Now now)
    : state_(std::make_unique<State>(settings, start, now)) {}

Engine::~Engine() = default;

void Engine::execute(Command command, Now now) {
  state_->set_time(now);
  state_->run(command);
}

void Engine::advance(Now now, Timestamp heard) {
  state_->set_time(now);
  if (!state_->is_ready) return;
  state_->fire_agenda();
  state_->end_overdue_sessions(std::min(heard, state_->now.at));
  state_->end_parked(state_->now.at);
  state_->end_waits(state_->now.at);
  state_->store_overdue_grants();
  state_->reap();
}

std::optional<Timestamp> Engine::next_deadline(Now now) const {
  state_->set_time(now);
  return state_->next_deadline();
}

Changes Engine::take_changes(Now now) {
  state_->set_time(now);
  return state_->seal();
}

Changes Engine::take_loose(Now now) {
  state_->set_time(now);
  return state_->loose();
}

std::size_t Engine::open_bytes() const {
  return state_->open_bytes();
}

std::size_t Engine::kept_bytes() const {
  return state_->reads.kept_bytes();
}

void Engine::committed(CommitSeq seq) {
  state_->reads.committed(seq);
}

bool Engine::ready() const {
  return state_->is_ready;
}

EngineTotals Engine::totals() const {
  EngineTotals totals;
  const CountsRecord& sums = state_->sums;
  totals.scheduled = sums.scheduled;
  totals.processing = state_->sessions.leased();
  totals.pending = sums.waiting - totals.processing;
  totals.retrying = sums.retrying;
  totals.completed = sums.completed;
  totals.failed = sums.failed;
  totals.cancelled = sums.cancelled;
  totals.sessions = state_->sessions.count();
  totals.lanes = state_->lanes.size();
  totals.window_bytes = state_->batches.bytes();
  return totals;
}

Engine::State::State(const Settings& all, const EngineStart& start, Now time)
    : settings(all),
      epoch(start.epoch),
      random(start.seed),
      id_filter(0, all.grain.id_filter_blocks),
      open(std::make_shared<Commit>()) {
  now = time;
  open->seq = start.last + 1;
  reads.committed(start.last);
  ask_first_reads();
}

void Engine::State::set_time(Now time) {
  now.at = std::max(now.at, time.at);
  now.wall = time.wall;
}

void Engine::State::refuse(Ticket ticket, Errc code, std::string message,
                           Milliseconds retry_after) {
  reply(ticket, Refused{code, std::move(message), retry_after});
}

void Engine::State::run(Command& command) {
  if (auto* answer = std::get_if<ReadAnswer>(&command)) {
    std::optional<ReadAnswer> next = std::move(*answer);
    for (; next; next = reads.take_next()) {
      flush();  // What is laid over the answer is what has been written down.
      reads.answer(std::move(*next), *open);
    }
    return;
  }
  if (!is_ready) return wait_for_start(command);
  struct Visitor {
    State& state;
    void operator()(Enqueue& c) { state.enqueue(std::make_shared<Enqueue>(std::move(c))); }
    void operator()(OpenSession& c) { state.open_session(c); }
    void operator()(Fetch& c) { state.fetch(c); }
    void operator()(EndFetch& c) { state.end_fetch(c); }
    void operator()(Report& c) { state.report(c); }
    void operator()(Heartbeat& c) { state.heartbeat(c); }
    void operator()(GetJobs& c) { state.get_jobs(c); }
    void operator()(WaitJob& c) { state.wait_job(c); }
    void operator()(ListJobs& c) { state.list_jobs(c); }
    void operator()(QueueStats& c) { state.queue_stats(c); }
    void operator()(CancelJobs& c) { state.cancel_jobs(c); }
    void operator()(Disconnected& c) { state.disconnected(c); }
    void operator()(StopLeasing&) { state.stop_leasing(); }
    void operator()(Admission& c) { state.admission = c.kind; }
    void operator()(ReadAnswer&) {}
  };
  std::visit(Visitor{*this}, command);
}

std::optional<Timestamp> Engine::State::next_deadline() const {
  if (!is_ready) return std::nullopt;
  std::optional<Timestamp> best;
  if (!has_room_for_due()) return best;  // The next commit or answer makes room.
  earlier(best, sessions.first_deadline());
  if (const auto due = timeline_agenda.first_due_ms()) earlier(best, timestamp_from_ms(*due));
  if (const auto due = wall_agenda.first_due_ms()) {
    const auto wait = std::max(Milliseconds{0}, wall_from_ms(*due) - now.wall);
    earlier(best, now.at + wait);
  }
  if (!parked_deadlines.empty()) earlier(best, parked_deadlines.begin()->first.first);
  if (!waiter_deadlines.empty()) earlier(best, waiter_deadlines.begin()->first);
  if (unstored_front < unstored_grants.size()) earlier(best, unstored_grants[unstored_front].first);
  if (may_reap()) earlier(best, reap_key.empty() ? next_reap : now.at);
  return best;
}

}  // namespace pawl::core
