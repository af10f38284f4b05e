#include "worker/run.h"
#include <pawl/context.h>

namespace pawl::inline v1 {

std::string_view name_of(StopReason reason) {
  switch (reason) {
    case StopReason::none:
      return "none";
    case StopReason::cancelled:
      return "cancelled";
    case StopReason::time_limit:
      return "time_limit";
    case StopReason::lease_lost:
      return "lease_lost";
    case StopReason::draining:
      return "draining";
  }
  return "unknown";
}

const JobId& Context::id() const {
  return run_.lease.id;
}
const std::string& Context::type() const {
  return run_.type;
}
const std::string& Context::queue() const {
  return run_.queue;
}
unsigned Context::attempt() const {
  return run_.attempt;
}
std::uint64_t Context::fencing_token() const {
  return run_.lease.token;
}
const std::string& Context::payload() const {
  return run_.payload;
}
const std::string& Context::content_type() const {
  return run_.content_type;
}
std::uint32_t Context::schema_version() const {
  return run_.schema_version;
}
const std::vector<Options::Header>& Context::headers() const {
  return run_.headers;
}
const std::vector<std::string>& Context::tags() const {
  return run_.tags;
}

std::optional<std::string_view> Context::header(std::string_view name) const {
  for (const auto& [each, value] : run_.headers) {
    if (each == name) return value;
  }
  return std::nullopt;
}

Time Context::accepted_at() const {
  return run_.accepted_at;
}
const std::string& Context::worker_id() const {
  return run_.surroundings->worker_id;
}
std::optional<std::chrono::steady_clock::time_point> Context::deadline() const {
  return run_.deadline;
}

std::stop_token Context::stop_token() const {
  return run_.stop.get_token();
}
bool Context::stop_requested() const {
  return run_.stop.stop_requested();
}
StopReason Context::stop_reason() const {
  return run_.stop_reason.load();
}

LeaseState Context::lease() const {
  if (stop_reason() == StopReason::lease_lost) return LeaseState::lost;
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return now < run_.surroundings->lease_until.load() ? LeaseState::held : LeaseState::doubtful;
}

void Context::log(std::string_view text, LogLevel level) const {
  const LogCallback& log = run_.surroundings->log;
  if (log) log(level, "job " + id().to_string() + ": " + std::string(text));
}

}  // namespace pawl::inline v1
