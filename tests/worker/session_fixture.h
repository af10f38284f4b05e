#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "worker/session_fsm.h"

namespace pawl::worker {

using namespace std::chrono_literals;

// A worker's session whose time is moved by hand and whose broker is the test. Jobs are numbers:
// their place in a batch; each fetch has a token of its own.
class SessionFixture {
 public:
  explicit SessionFixture(unsigned concurrency = 4)
      : fsm({.concurrency = concurrency, .stop_wait = 2s, .flush_wait = 5s}) {}

  static Lease lease(std::uint64_t token, unsigned index) {
    return {.token = token, .id = job_of_batch(JobId(), index)};
  }

  void connect(std::vector<Lease> lost = {}) {
    fsm.on_connected({.session = "s", .heartbeat = 10s, .lease = 30s, .lost = std::move(lost)},
                     now);
  }

  void pass(Duration time) {
    now += time;
    fsm.advance(now);
  }

  // The credits of the fetch that goes out now; 0 for none.
  unsigned fetch() {
    const auto order = fsm.next_fetch(now);
    if (order) fetch_number = order->number;
    return order ? order->credits : 0;
  }

  // Answers the fetch. The slots that the jobs got.
  std::vector<std::size_t> deliver(std::uint64_t token, const std::vector<unsigned>& jobs,
                                   std::optional<Duration> limit = {}) {
    std::vector<Started> started;
    for (const unsigned job : jobs) {
      started.push_back({.lease = lease(token, job), .run_time_limit = limit});
    }
    std::vector<std::size_t> slots;
    for (const auto& slot : fsm.on_fetched(fetch_number, started, now)) {
      if (slot) slots.push_back(*slot);
    }
    return slots;
  }

  void complete(std::size_t slot, std::string result = {}, Duration run_time = 1s) {
    Outcome outcome;
    outcome.result = std::move(result);
    outcome.run_time = run_time;
    fsm.on_finished(slot, std::move(outcome), now);
  }
  void fail(std::size_t slot) {
    fsm.on_finished(slot, {.kind = OutcomeKind::fail, .failure = {"Broken", "it broke", "", {}}},
                    now);
  }

  // "complete 1, fail 2" of the report that goes out now; "" for none.
  std::string report() {
    const auto order = fsm.next_report(now);
    if (!order) return "";
    report_number = order->number;
    std::string text;
    for (const Finished& job : *order->jobs) {
      if (!text.empty()) text += ", ";
      text += word(job.outcome) + " " + std::to_string(job.lease.id.index());
    }
    return text;
  }
  void acknowledge(const std::vector<Refusal>& refused = {}) {
    fsm.on_reported(report_number, refused, now);
  }

  // "cancelled 0" : the reason and the slot of the next stop; "" for none.
  std::string stop() {
    const auto order = fsm.next_stop();
    return order ? std::string(name_of(order->reason)) + " " + std::to_string(order->slot) : "";
  }

  static std::string word(const Outcome& outcome) {
    switch (outcome.kind) {
      case OutcomeKind::complete:
        return "complete";
      case OutcomeKind::release:
        return "release";
      case OutcomeKind::fail:
        return outcome.failure.cause == Failure::Cause::handler
                   ? "fail"
                   : std::string(name_of(outcome.failure.cause));
    }
    return "?";
  }

  SessionFsm fsm;
  TimePoint now{1h};
  std::uint64_t fetch_number = 0;
  std::uint64_t report_number = 0;
};

}  // namespace pawl::worker
