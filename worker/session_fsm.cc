#include "worker/session_fsm.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace pawl::worker {
namespace {

using namespace std::chrono_literals;

constexpr const char* kReportRefused = "pawl.report_refused";
constexpr std::size_t kCreditsMax = 1000;
constexpr std::size_t kReportJobsMax = 1000;
// Half a frame: what a report says besides its results fits into the other half.
constexpr std::size_t kReportBytesMax = std::size_t{2} << 20;
// So many leases fit into the 64 KiB of a Hello, each in an entry of its own.
constexpr std::size_t kHeldMax = 1700;

constexpr Duration kPauseFirst = 100ms;
constexpr Duration kPauseMost = 5s;
constexpr Duration kWaitAtLeast = 50ms;
// A broker that said stop is gone by then, or it has changed its mind.
constexpr Duration kBrokerStopWait = 15s;
constexpr Duration kFlushWaitHurried = 1s;
// Beyond its long poll a fetch gets this much, then it is taken for lost. Its jobs are leased: only
// a new Hello, which does not list them, gives them back.
constexpr Duration kFetchGrace = 30s;

// Reports of brief jobs wait this long for each other, while a backlog keeps the fetches full.
constexpr Duration kGatherWait = 2ms;
constexpr Duration kBriefRun = 500us;

std::size_t bytes_of(const Outcome& outcome) {
  const Failure& failure = outcome.failure;
  return outcome.result.size() + outcome.content_type.size() + failure.error_class.size() +
         failure.message.size() + failure.detail.size();
}

std::string text_of(const Lease& lease) {
  return "job " + lease.id.to_string();
}

bool by_lease(const Finished& a, const Finished& b) {
  return a.lease.token != b.lease.token ? a.lease.token < b.lease.token : a.lease.id < b.lease.id;
}

// How an outcome counts when its handler was asked to stop: whoever is stopped half-way mostly ends
// by an exception, and it was not the handler's fault.
void judge(Outcome& outcome, StopReason stop) {
  if (outcome.kind == OutcomeKind::complete) return;
  if (stop == StopReason::time_limit) {
    // Handed back it would be taken again at once, run into the limit again, and count nothing.
    if (outcome.kind == OutcomeKind::release) {
      outcome.failure.error_class = "time_limit";
      outcome.failure.message = "stopped at its run-time limit";
    }
    outcome.kind = OutcomeKind::fail;
    outcome.failure.cause = Failure::Cause::time_limit;
  }
  if (outcome.kind != OutcomeKind::fail) return;
  if (stop == StopReason::draining) outcome.kind = OutcomeKind::release;
  if (stop == StopReason::cancelled) outcome.failure.cause = Failure::Cause::cancellation;
}

}  // namespace

bool refuses_for_good(Errc code) {
  return code == Errc::invalid_argument || code == Errc::unsupported ||
         code == Errc::unauthenticated;
}

SessionFsm::SessionFsm(const SessionOptions& options)
    : options_(options), slots_(options.concurrency) {
  for (std::size_t slot = slots_.size(); slot-- > 0;) free_.push_back(slot);
}

// ---- The connection.

void SessionFsm::on_connected(const Greeting& greeting, TimePoint now) {
  connected_ = true;
  session_ = greeting.session;
  heartbeat_ = greeting.heartbeat;
  lease_ = greeting.lease;
  heartbeat_due_ = now + heartbeat_;
  lease_until_ = now + lease_;
  fetch_not_before_ = now;
  fetch_pause_ = {};
  for (const Lease& lost : greeting.lost) {
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
      const bool held = slots_[slot].state == SlotState::running && slots_[slot].lease == lost;
      if (held) stop(slot, StopReason::lease_lost);
    }
    // What waits for a report is of no use any more; what was sent before the cut is repeated and
    // refused without harm.
    if (std::erase_if(outbox_, [&](const Finished& done) { return done.lease == lost; }) > 0) {
      notes_.push_back(text_of(lost) + ": its lease is lost, its outcome was dropped");
    }
  }
}

void SessionFsm::on_disconnected(TimePoint now) {
  connected_ = false;
  reconnect_.reset();
  heartbeat_due_ = TimePoint::max();
  if (fetch_ != 0) on_fetch_failed(fetch_, Error(Errc::connection, "cut"), now);
  for (Unacknowledged& report : unacknowledged_) report.was_cut = true;
}

// What there is to know of the leases the next Hello tells. Until then nothing is asked for.
void SessionFsm::session_over(const std::string& why) {
  if (!connected_) return;
  connected_ = false;
  heartbeat_due_ = TimePoint::max();
  reconnect_ = Error(Errc::connection, "connecting anew: " + why)
                   .set_retry_after(std::chrono::ceil<Milliseconds>(reconnect_pause_));
  reconnect_pause_ = std::clamp(reconnect_pause_ * 2, kPauseFirst, kPauseMost);
}

std::vector<Lease> SessionFsm::held() const {
  std::vector<Lease> leases;
  for (const Slot& slot : slots_) {
    if (slot.state == SlotState::running && slot.stop != StopReason::lease_lost) {
      leases.push_back(slot.lease);
    }
  }
  for (const Finished& finished : outbox_) leases.push_back(finished.lease);
  for (const Unacknowledged& report : unacknowledged_) {
    for (const Finished& finished : *report.jobs) leases.push_back(finished.lease);
  }
  return leases;
}

std::size_t SessionFsm::held_count() const {
  return running_ + outbox_.size() + unacknowledged_jobs_;
}

void SessionFsm::on_cancelled(const Lease& lease) {
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    const bool meant = slots_[slot].state == SlotState::running && slots_[slot].lease == lease;
    if (meant) return stop(slot, StopReason::cancelled);
  }
}

void SessionFsm::on_broker_stopping(TimePoint now) {
  fetch_not_before_ = now + kBrokerStopWait;
  notes_.push_back("the broker is stopping: no fetch before the next connection");
}

void SessionFsm::on_heartbeat(TimePoint sent_at) {
  reconnect_pause_ = {};
  lease_until_ = std::max(lease_until_, sent_at + lease_);
}

void SessionFsm::on_heartbeat_failed(const Error& error) {
  // Whatever else it was, the next one is sent in time.
  if (error.code() == Errc::lease_lost) session_over(error.message());
}

// ---- Fetching.

std::optional<FetchOrder> SessionFsm::next_fetch(TimePoint now) {
  if (phase_ != Phase::serving || !connected_ || fetch_ != 0 || free_.empty()) return std::nullopt;
  if (now < fetch_not_before_ || gathers(now)) return std::nullopt;
  const std::size_t held = held_count();
  if (held >= kHeldMax) return std::nullopt;

  fetch_ = next_number_++;
  fetch_sent_at_ = now;
  fetch_overdue_at_ = now + options_.fetch_wait + kFetchGrace;
  fetch_credits_ = static_cast<unsigned>(std::min({free_.size(), kCreditsMax, kHeldMax - held}));
  return FetchOrder{.number = fetch_, .credits = fetch_credits_, .wait = options_.fetch_wait};
}

std::vector<std::optional<std::size_t>> SessionFsm::on_fetched(std::uint64_t number,
                                                               const std::vector<Started>& jobs,
                                                               TimePoint now) {
  reconnect_pause_ = {};
  if (number == fetch_) {
    fetch_ = 0;
    backlog_ = !jobs.empty() && jobs.size() >= fetch_credits_;
    // Whoever answers "nothing" without having waited for it shall not be asked in a loop.
    if (jobs.empty() && now < fetch_sent_at_ + kWaitAtLeast) {
      pause_fetching({}, now);
    } else {
      fetch_pause_ = {};
    }
  }
  std::vector<std::optional<std::size_t>> placed;
  placed.reserve(jobs.size());
  for (const Started& job : jobs) {
    if (phase_ != Phase::serving || free_.empty()) {
      release(job.lease, now);
      placed.emplace_back();
      continue;
    }
    const std::size_t slot = free_.back();
    free_.pop_back();
    ++running_;
    slots_[slot] = {.state = SlotState::running, .lease = job.lease};
    if (job.run_time_limit) {
      slots_[slot].limit = now + *job.run_time_limit;
      limits_.emplace(slots_[slot].limit, slot);
    }
    placed.emplace_back(slot);
  }
  return placed;
}

void SessionFsm::on_fetch_failed(std::uint64_t number, const Error& error, TimePoint now) {
  if (number != fetch_) return;
  fetch_ = 0;
  backlog_ = false;
  if (error.code() == Errc::connection || error.code() == Errc::closed) return;
  if (error.code() == Errc::lease_lost) return session_over(error.message());
  if (refuses_for_good(error.code())) return refuse(error, now);
  pause_fetching(error.retry_after(), now);
  notes_.push_back("a fetch was refused: " + error.message());
}

void SessionFsm::pause_fetching(Duration least, TimePoint now) {
  fetch_pause_ = std::clamp(fetch_pause_ * 2, kPauseFirst, kPauseMost);
  fetch_not_before_ = std::max(fetch_not_before_, now + std::max(fetch_pause_, least));
}

void SessionFsm::refuse(const Error& error, TimePoint now) {
  if (failure_) return;
  failure_ = error;
  notes_.push_back("the broker refuses this worker: " + error.message());
  drain(0s, now);
}

// ---- Running and reporting.

void SessionFsm::stop(std::size_t slot, StopReason reason) {
  // The first reason stands, but a lost lease goes before all.
  StopReason& current = slots_[slot].stop;
  const bool news = current == StopReason::none || reason == StopReason::lease_lost;
  if (!news || current == reason) return;
  current = reason;
  stops_.push_back({.slot = slot, .reason = reason});
  if (reason == StopReason::lease_lost) {
    notes_.push_back(text_of(slots_[slot].lease) + ": its lease is lost, it was asked to stop");
  }
}

void SessionFsm::on_finished(std::size_t number, Outcome outcome, TimePoint now) {
  Slot& slot = slots_[number];
  assert(slot.state != SlotState::free);
  const bool counts = slot.state == SlotState::running && slot.stop != StopReason::lease_lost;
  if (slot.state == SlotState::running) --running_;
  if (slot.limit != TimePoint::max()) limits_.erase({slot.limit, number});
  run_time_mean_ += (outcome.run_time - run_time_mean_) / 8;
  if (counts) {
    judge(outcome, slot.stop);
    const bool drained = slot.stop == StopReason::draining;
    if (drained && outcome.kind == OutcomeKind::release) ++handed_back_;
    queue({.lease = slot.lease, .outcome = std::move(outcome)}, now);
  }
  slot = Slot();
  free_.push_back(number);
}

void SessionFsm::release(const Lease& lease, TimePoint now) {
  queue({.lease = lease, .outcome = {.kind = OutcomeKind::release}}, now);
}

void SessionFsm::queue(Finished finished, TimePoint now) {
  if (outbox_.empty()) outbox_since_ = now;
  outbox_.push_back(std::move(finished));
}

// Whether it pays to wait for more: the broker has more jobs than this worker can take, so that
// reports and fetches go in rounds; one that is under way, or brief jobs that are still running,
// will soon be there to travel along.
bool SessionFsm::gathers(TimePoint now) const {
  if (phase_ != Phase::serving || !backlog_ || outbox_.empty()) return false;
  if (outbox_.size() >= kReportJobsMax || now >= outbox_since_ + kGatherWait) return false;
  return fetch_ != 0 || (run_time_mean_ < kBriefRun && free_.size() * 2 < slots_.size());
}

std::optional<ReportOrder> SessionFsm::next_report(TimePoint now) {
  if (outbox_.empty() || !connected_ || gathers(now)) return std::nullopt;
  auto jobs = std::make_shared<std::vector<Finished>>();
  std::size_t bytes = 0;
  while (!outbox_.empty() && jobs->size() < kReportJobsMax) {
    Finished& next = outbox_.front();
    bytes += bytes_of(next.outcome);
    const bool fits =
        bytes <= kReportBytesMax && !next.alone && !(jobs->size() == 1 && jobs->front().alone);
    if (!jobs->empty() && !fits) break;
    jobs->push_back(std::move(next));
    outbox_.pop_front();
  }
  // Jobs of one batch stand together, so that they share an outcome on the wire.
  if (!std::is_sorted(jobs->begin(), jobs->end(), by_lease)) {
    std::sort(jobs->begin(), jobs->end(), by_lease);
  }
  unacknowledged_jobs_ += jobs->size();
  unacknowledged_.push_back({.number = next_number_++, .jobs = jobs});
  return ReportOrder{.number = unacknowledged_.back().number, .jobs = std::move(jobs)};
}

SessionFsm::Unacknowledgeds::iterator SessionFsm::find_report(std::uint64_t number) {
  return std::find_if(unacknowledged_.begin(), unacknowledged_.end(),
                      [=](const Unacknowledged& report) { return report.number == number; });
}

void SessionFsm::on_reported(std::uint64_t number, const std::vector<Refusal>& refused,
                             TimePoint now) {
  const auto report = find_report(number);
  if (report == unacknowledged_.end()) return;
  reconnect_pause_ = {};
  for (const Refusal& refusal : refused) {
    const auto finished =
        std::find_if(report->jobs->begin(), report->jobs->end(),
                     [&](const Finished& job) { return job.lease == refusal.lease; });
    if (finished == report->jobs->end()) continue;
    switch (refusal.code) {
      case Errc::lease_lost:
      case Errc::not_found:
        // Sent twice over a cut, it has mostly counted the first time.
        if (!report->was_cut) {
          notes_.push_back(text_of(refusal.lease) +
                           ": its report came too late, the lease is lost");
        }
        break;
      case Errc::overloaded:
      case Errc::unavailable:
      case Errc::disk_full:
        queue(*finished, now);
        break;
      default:
        give_up(*finished, Error(refusal.code, std::string(name_of(refusal.code))), now);
    }
  }
  unacknowledged_jobs_ -= report->jobs->size();
  unacknowledged_.erase(report);
}

void SessionFsm::on_report_failed(std::uint64_t number, const Error& error, TimePoint now) {
  const auto report = find_report(number);
  if (report == unacknowledged_.end()) return;
  const auto jobs = report->jobs;
  unacknowledged_jobs_ -= jobs->size();
  unacknowledged_.erase(report);
  if (error.code() == Errc::closed) return;
  // An answer of another kind tells nothing of the jobs.
  const bool over = error.code() == Errc::lease_lost || error.code() == Errc::protocol_error;
  if (over) session_over(error.message());
  for (const Finished& finished : *jobs) {
    if (over || !connected_) {  // Refused was the connection, not what became of the job.
      queue(finished, now);
    } else if (jobs->size() == 1) {
      give_up(finished, error, now);
    } else {
      queue({.lease = finished.lease, .outcome = finished.outcome, .alone = true}, now);
    }
  }
}

// The broker will not take this outcome. A job without any would stay leased for as long as this
// worker lives, so each is followed by a plainer one.
void SessionFsm::give_up(Finished finished, const Error& error, TimePoint now) {
  notes_.push_back(text_of(finished.lease) + ": its report was refused: " + error.message());
  if (finished.outcome.kind == OutcomeKind::release) return;
  Outcome plainer{.kind = OutcomeKind::release};
  if (finished.outcome.failure.error_class != kReportRefused) {
    plainer.kind = OutcomeKind::fail;
    plainer.failure.error_class = kReportRefused;
    plainer.failure.message = error.message();
  }
  queue({.lease = finished.lease, .outcome = std::move(plainer), .alone = true}, now);
}

// ---- Draining.

void SessionFsm::enter(Phase phase, TimePoint until) {
  phase_ = phase;
  phase_ends_ = until;
}

void SessionFsm::drain(Duration grace, TimePoint now) {
  if (phase_ == Phase::serving) {
    end_fetch_due_ = true;
    enter(Phase::draining, now + grace);
  }
  if (phase_ == Phase::draining) phase_ends_ = std::min(phase_ends_, now + grace);
  advance_drain(now);
}

void SessionFsm::hurry(TimePoint now) {
  if (phase_ == Phase::ended) return;
  if (phase_ == Phase::serving) end_fetch_due_ = true;
  if (phase_ == Phase::flushing) {
    phase_ends_ = now;
  } else {
    hand_back(now);
    enter(Phase::flushing, now + kFlushWaitHurried);
  }
  advance_drain(now);
}

void SessionFsm::hand_back(TimePoint now) {
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].state != SlotState::running) continue;
    stop(slot, StopReason::draining);
    slots_[slot].state = SlotState::abandoned;
    --running_;
    if (slots_[slot].stop == StopReason::lease_lost) continue;
    release(slots_[slot].lease, now);
    ++handed_back_;
    ++abandoned_;
  }
}

void SessionFsm::advance_drain(TimePoint now) {
  if (phase_ == Phase::draining && now >= phase_ends_ && running_ > 0) {
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
      if (slots_[slot].state == SlotState::running) stop(slot, StopReason::draining);
    }
    enter(Phase::stopping, now + options_.stop_wait);
  }
  if (phase_ == Phase::stopping && now >= phase_ends_) hand_back(now);
  const bool stopped = (phase_ == Phase::draining || phase_ == Phase::stopping) && running_ == 0;
  if (stopped) enter(Phase::flushing, now + options_.flush_wait);
  if (phase_ != Phase::flushing) return;

  // The last fetch may have been given jobs before it was ended: they go straight back.
  const bool done = outbox_.empty() && unacknowledged_.empty() && fetch_ == 0;
  if (done || now >= phase_ends_) enter(Phase::ended, TimePoint::max());
}

bool SessionFsm::end_fetch_due() {
  return std::exchange(end_fetch_due_, false) && connected_ && fetch_ != 0;
}

// The fetch goes on, and nobody can wait for so long.
void SessionFsm::on_end_fetch_failed(const Error& error) {
  if (error.code() == Errc::connection || error.code() == Errc::closed) return;
  notes_.push_back("the broker did not end a fetch: " + error.message());
  fetch_ = 0;
}

// ---- Time.

void SessionFsm::advance(TimePoint now) {
  while (!limits_.empty() && limits_.begin()->first <= now) {
    const std::size_t slot = limits_.begin()->second;
    limits_.erase(limits_.begin());
    slots_[slot].limit = TimePoint::max();
    if (slots_[slot].state == SlotState::running) stop(slot, StopReason::time_limit);
  }
  if (fetch_ != 0 && now >= fetch_overdue_at_) session_over("a fetch was not answered");
  advance_drain(now);
}

std::optional<Error> SessionFsm::next_reconnect() {
  return std::exchange(reconnect_, std::nullopt);
}

bool SessionFsm::heartbeat_due(TimePoint now) {
  if (now < heartbeat_due_) return false;
  heartbeat_due_ = now + heartbeat_;
  return true;
}

std::optional<StopOrder> SessionFsm::next_stop() {
  if (stops_.empty()) return std::nullopt;
  const StopOrder order = stops_.front();
  stops_.pop_front();
  return order;
}

std::optional<std::string> SessionFsm::next_note() {
  if (notes_.empty()) return std::nullopt;
  std::string note = std::move(notes_.front());
  notes_.pop_front();
  return note;
}

TimePoint SessionFsm::next_deadline() const {
  TimePoint next = std::min(phase_ends_, heartbeat_due_);
  if (connected_ && fetch_ != 0) next = std::min(next, fetch_overdue_at_);
  if (!limits_.empty()) next = std::min(next, limits_.begin()->first);
  if (!outbox_.empty() && connected_) next = std::min(next, outbox_since_ + kGatherWait);
  const bool wants_fetch = phase_ == Phase::serving && connected_ && fetch_ == 0 && !free_.empty();
  if (wants_fetch && held_count() < kHeldMax) {
    const bool may_gather = backlog_ && !outbox_.empty();
    const TimePoint gathered = may_gather ? outbox_since_ + kGatherWait : fetch_not_before_;
    next = std::min(next, std::max(fetch_not_before_, gathered));
  }
  return next;
}

}  // namespace pawl::worker
