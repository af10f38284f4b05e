#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "worker/lease.h"

namespace pawl::worker {

// What all runs of a worker share; it stays for the last of them.
struct Surroundings {
  std::string worker_id;
  LogCallback log;
  std::map<std::string, Handler, std::less<>> handlers;
  Handler default_handler;
  // When the leases end, if nothing is heard from the broker meanwhile.
  std::atomic<TimePoint::rep> lease_until{0};
};

// One job's run. Everything but the last two members is constant once it has started.
struct Run {
  Lease lease;
  std::string type;
  std::string queue;
  unsigned attempt = 1;
  std::string payload;
  std::string content_type;
  std::uint32_t schema_version = 0;
  std::vector<Options::Header> headers;
  std::vector<std::string> tags;
  Time accepted_at;
  std::optional<Duration> run_time_limit;
  std::optional<TimePoint> deadline;

  std::size_t slot = 0;
  const Handler* handler = nullptr;
  std::shared_ptr<Surroundings> surroundings;

  std::stop_source stop;
  std::atomic<StopReason> stop_reason{StopReason::none};
};

// Runs the handler; whatever it does becomes an outcome.
Outcome run_handler(Run& run);

}  // namespace pawl::worker
