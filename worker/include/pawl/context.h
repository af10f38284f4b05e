#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <pawl/export.h>
#include <pawl/job.h>
#include <pawl/options.h>

namespace pawl::worker {
struct Run;
}  // namespace pawl::worker

namespace pawl::inline v1 {

// Why a handler is asked to stop.
enum class StopReason {
  none,
  cancelled,   // Somebody cancelled the job.
  time_limit,  // It has run longer than its run-time limit.
  lease_lost,  // The job runs elsewhere or has ended: nothing that this handler reports will count.
  draining,    // The worker goes away and its grace is over: the job is handed back.
};

PAWL_API std::string_view name_of(StopReason reason);

enum class LeaseState {
  held,      // The broker has heard of this worker within the lease's time.
  doubtful,  // Not heard for longer than that: the job may be given to somebody else.
  lost,      // It was. The context is fenced.
};

// What a handler knows of its job. Lives as long as the handler's call; any thread may read it.
class PAWL_API Context {
 public:
  explicit Context(worker::Run& run) : run_(run) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const JobId& id() const;
  const std::string& type() const;
  const std::string& queue() const;
  // The first is 1.
  unsigned attempt() const;
  // Grows with every lease of any job. Hand it to a store that refuses smaller ones than it has
  // seen, and a handler that lost its lease can do no harm there.
  std::uint64_t fencing_token() const;
  const std::string& payload() const;
  const std::string& content_type() const;
  std::uint32_t schema_version() const;
  const std::vector<Options::Header>& headers() const;
  const std::vector<std::string>& tags() const;
  // Nothing when the header is not there.
  std::optional<std::string_view> header(std::string_view name) const;
  // When the job was accepted, by the broker's timeline.
  Time accepted_at() const;
  const std::string& worker_id() const;

  // The end of the run-time limit, if the job has one.
  std::optional<std::chrono::steady_clock::time_point> deadline() const;

  // Stop requests, whatever the reason: look now and then, or hang a callback on the token. Such a
  // callback runs on the thread that keeps the leases: it must not block.
  std::stop_token stop_token() const;
  bool stop_requested() const;
  StopReason stop_reason() const;
  // Stop requested because somebody cancelled the job.
  bool cancelled() const { return stop_reason() == StopReason::cancelled; }

  LeaseState lease() const;
  bool fenced() const { return lease() == LeaseState::lost; }

  // To the worker's log, under the job's id.
  void log(std::string_view text, LogLevel level = LogLevel::info) const;

 private:
  worker::Run& run_;
};

}  // namespace pawl::inline v1
