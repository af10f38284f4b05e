#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "bench/actor.h"
#include "bench/histogram.h"
#include "bench/ledger.h"
#include "bench/messages.h"

namespace pawl::bench {

struct WorkerPlan {
  std::string queue = "bench";
  std::size_t in_flight = 4;  // Fetches at once, each with `credits`.
  std::uint32_t credits = 100;
  std::chrono::milliseconds handler{0};  // How long a handler runs; all jobs of a fetch at once.
};

// What the workers of one run have done together; one thread owns it.
struct WorkersTotal {
  explicit WorkersTotal(std::uint64_t jobs) : ledger(jobs) {}

  Ledger ledger;
  std::uint64_t completed = 0;  // Accepted by the broker.
  std::uint64_t refused = 0;    // Outcomes that the broker did not take.
  std::uint64_t mark_at = 0;    // When this many are completed,
  Clock::time_point marked_at;  // the time is taken.
  Histogram latency_from_call;  // Nanoseconds, from the enqueue call to the handler's start;
  Histogram latency_from_due;   // and from when the schedule wanted the call.
};

// A worker session. The outcomes of a fetch leave in one write with the fetch that follows.
class Worker : public Actor {
 public:
  Worker(const Address& address, const WorkerPlan& plan, WorkersTotal& total);

  Connection& connection() override { return connection_; }
  void start(Clock::time_point now) override;
  void on_frame(std::string_view body, Clock::time_point now) override;
  std::optional<Clock::time_point> next_time() const override;
  void on_time(Clock::time_point now) override;
  bool done() const override { return total_.completed >= total_.ledger.jobs(); }
  std::uint64_t progress() const override { return completed_; }

 private:
  struct Running {
    Clock::time_point until;
    std::uint64_t fetch_id = 0;
    std::string report;
  };

  void on_fetched(const ReplyView& reply, Clock::time_point now);
  void on_reported(const ReplyView& reply, Clock::time_point now);
  // Appends the report of everything in a FetchReply to `out`; returns how many jobs it had.
  std::size_t run_handlers(std::string_view fetched, std::string& out);
  std::size_t start_handlers(const DeliveryView& delivery, std::uint64_t now);
  void fetch_again(std::uint64_t fetch_id);

  WorkerPlan plan_;
  Connection connection_;
  WorkersTotal& total_;
  std::deque<std::string> fetches_;  // By id, from 1.
  std::deque<Running> running_;      // In order of their end, as all take equally long.
  Clock::time_point heartbeat_at_;
  std::uint64_t next_report_ = 0;
  std::uint64_t completed_ = 0;
  std::string outcomes_;
};

}  // namespace pawl::bench
