#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "worker/lease.h"
#include <pawl/error.h>

namespace pawl::worker {

struct SessionOptions {
  unsigned concurrency = 1;
  Duration fetch_wait = std::chrono::seconds(30);  // The broker's long poll.
  Duration stop_wait = std::chrono::seconds(1);    // From the end of the grace to the handing back.
  Duration flush_wait = std::chrono::seconds(5);   // For the last reports, when all handlers ended.
};

// What the broker's answer to a worker's Hello says.
struct Greeting {
  std::string session;
  Duration heartbeat = std::chrono::seconds(10);
  Duration lease = std::chrono::seconds(30);
  std::vector<Lease> lost;
};

struct FetchOrder {
  std::uint64_t number = 0;
  unsigned credits = 0;
  Duration wait{};
};

struct ReportOrder {
  std::uint64_t number = 0;
  // Of up to 1000 jobs, of one batch together. Kept by the session until it is acknowledged.
  std::shared_ptr<const std::vector<Finished>> jobs;
};

struct StopOrder {
  std::size_t slot = 0;
  StopReason reason = StopReason::none;
};

struct Refusal {
  Lease lease;
  Errc code = Errc::ok;
};

// Whether no other session of this worker would fare better with that code.
bool refuses_for_good(Errc code);

// A job to be started in a slot.
struct Started {
  Lease lease;
  std::optional<Duration> run_time_limit;
};

// Every decision of a worker's session, and none of its I/O: which slots are free, when to fetch
// and how much, what to report and with what, how leases are kept and lost, what is resumed after a
// cut, how it drains. Time is handed in; after any call the shell asks for its orders. Not
// thread-safe.
class SessionFsm {
 public:
  explicit SessionFsm(const SessionOptions& options);

  // The connection. held() is what the next Hello lists.
  void on_connected(const Greeting& greeting, TimePoint now);
  void on_disconnected(TimePoint now);
  const std::string& session() const { return session_; }
  std::vector<Lease> held() const;
  // Pushes.
  void on_cancelled(const Lease& lease);
  void on_broker_stopping(TimePoint now);

  // Answers to orders. on_fetched() gives a slot to each job, or nothing to one that cannot run
  // here and goes straight back.
  std::vector<std::optional<std::size_t>> on_fetched(std::uint64_t number,
                                                     const std::vector<Started>& jobs,
                                                     TimePoint now);
  void on_fetch_failed(std::uint64_t number, const Error& error, TimePoint now);
  void on_reported(std::uint64_t number, const std::vector<Refusal>& refused, TimePoint now);
  void on_report_failed(std::uint64_t number, const Error& error, TimePoint now);
  void on_heartbeat(TimePoint sent_at);
  void on_heartbeat_failed(const Error& error);
  void on_end_fetch_failed(const Error& error);

  // Asks for no more jobs for that long, or longer when it was asked to pause just before.
  void pause_fetching(Duration least, TimePoint now);

  // A handler has returned; its slot is free.
  void on_finished(std::size_t slot, Outcome outcome, TimePoint now);

  // Takes no more jobs; hands back what runs when the grace is over. A later call can only shorten
  // it.
  void drain(Duration grace, TimePoint now);
  // Hands back at once what runs.
  void hurry(TimePoint now);
  // The broker will not have this worker: drains, and failure() says why.
  void refuse(const Error& error, TimePoint now);

  // Lets time pass; then come the orders, each until there is none.
  void advance(TimePoint now);
  std::optional<StopOrder> next_stop();
  std::optional<ReportOrder> next_report(TimePoint now);
  std::optional<FetchOrder> next_fetch(TimePoint now);
  bool heartbeat_due(TimePoint now);
  // The fetch in flight is to be ended by the broker; its answer is still waited for.
  bool end_fetch_due();
  // The session is over although the connection lives: cut it, say Hello anew.
  std::optional<Error> next_reconnect();
  // What people should know.
  std::optional<std::string> next_note();
  // When to call again if nothing else happens; TimePoint::max() for never.
  TimePoint next_deadline() const;

  // Drained, and the last reports are through or given up. No orders any more.
  bool ended() const { return phase_ == Phase::ended; }
  std::size_t running() const { return running_; }
  // Jobs that went back because of the drain: their handlers ended without a result when they were
  // asked to stop, or did not end in time.
  std::size_t handed_back() const { return handed_back_; }
  // Of these, those that did not end in time.
  std::size_t abandoned() const { return abandoned_; }
  const std::optional<Error>& failure() const { return failure_; }
  // The broker has surely kept the leases until then.
  TimePoint lease_until() const { return lease_until_; }

 private:
  enum class Phase { serving, draining, stopping, flushing, ended };
  enum class SlotState { free, running, abandoned };

  struct Slot {
    SlotState state = SlotState::free;
    Lease lease;
    StopReason stop = StopReason::none;
    TimePoint limit = TimePoint::max();
  };
  struct Unacknowledged {
    std::uint64_t number = 0;
    std::shared_ptr<const std::vector<Finished>> jobs;
    bool was_cut = false;  // Sent on a connection that is gone: it may have counted.
  };
  using Unacknowledgeds = std::deque<Unacknowledged>;

  void session_over(const std::string& why);
  void stop(std::size_t slot, StopReason reason);
  void release(const Lease& lease, TimePoint now);
  void give_up(Finished finished, const Error& error, TimePoint now);
  void queue(Finished finished, TimePoint now);
  void enter(Phase phase, TimePoint until);
  void hand_back(TimePoint now);
  void advance_drain(TimePoint now);
  bool gathers(TimePoint now) const;
  std::size_t held_count() const;
  Unacknowledgeds::iterator find_report(std::uint64_t number);

  SessionOptions options_;
  Phase phase_ = Phase::serving;
  TimePoint phase_ends_ = TimePoint::max();
  std::optional<Error> failure_;

  bool connected_ = false;  // With a session that is not known to be over.
  std::optional<Error> reconnect_;
  Duration reconnect_pause_{};  // Grows until the broker takes something from a session.
  std::string session_;
  Duration heartbeat_{};
  Duration lease_{};
  TimePoint heartbeat_due_ = TimePoint::max();
  TimePoint lease_until_ = TimePoint::min();

  std::uint64_t next_number_ = 1;
  std::uint64_t fetch_ = 0;  // The one in flight, or 0.
  TimePoint fetch_sent_at_{};
  TimePoint fetch_overdue_at_{};
  bool end_fetch_due_ = false;
  unsigned fetch_credits_ = 0;
  bool backlog_ = false;  // The last fetch was filled: the next one will be answered at once.
  TimePoint fetch_not_before_ = TimePoint::min();
  Duration fetch_pause_{};
  Duration run_time_mean_ = std::chrono::seconds(1);  // Of late runs.

  std::vector<Slot> slots_;
  std::vector<std::size_t> free_;
  std::size_t running_ = 0;
  std::size_t handed_back_ = 0;
  std::size_t abandoned_ = 0;
  std::set<std::pair<TimePoint, std::size_t>> limits_;

  std::deque<Finished> outbox_;
  TimePoint outbox_since_{};
  Unacknowledgeds unacknowledged_;
  std::size_t unacknowledged_jobs_ = 0;

  std::deque<StopOrder> stops_;
  std::deque<std::string> notes_;
};

}  // namespace pawl::worker
