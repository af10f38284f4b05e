#include <algorithm>
#include <utility>

#include "proto/uuid.h"
#include <pawl/job.h>

namespace pawl::inline v1 {
namespace {

constexpr std::pair<JobState, std::string_view> kStates[] = {
    {JobState::blocked, "blocked"},   {JobState::scheduled, "scheduled"},
    {JobState::pending, "pending"},   {JobState::processing, "processing"},
    {JobState::retrying, "retrying"}, {JobState::completed, "completed"},
    {JobState::failed, "failed"},     {JobState::cancelled, "cancelled"},
    {JobState::expired, "expired"},
};

}  // namespace

std::optional<JobId> JobId::parse(std::string_view text) {
  const auto uuid = wire::parse_uuid(text);
  if (!uuid) return std::nullopt;
  return JobId(*uuid);
}

std::string JobId::to_string() const {
  return wire::uuid_text(bytes_);
}

Time JobId::time() const {
  std::int64_t ms = 0;
  for (std::size_t i = 0; i < 6; ++i) ms = ms << 8 | bytes_[i];
  return Time(Milliseconds(ms));
}

std::string_view name_of(JobState state) {
  for (const auto& [value, name] : kStates) {
    if (value == state) return name;
  }
  return "unknown";
}

std::optional<JobState> parse_state(std::string_view name) {
  for (const auto& [value, known] : kStates) {
    if (known == name) return value;
  }
  return std::nullopt;
}

std::string_view name_of(Failure::Cause cause) {
  switch (cause) {
    case Failure::Cause::handler:
      return "handler";
    case Failure::Cause::crash:
      return "crash";
    case Failure::Cause::time_limit:
      return "time_limit";
    case Failure::Cause::cancellation:
      return "cancellation";
  }
  return "unknown";
}

std::string_view name_of(Attempt::End end) {
  switch (end) {
    case Attempt::End::running:
      return "running";
    case Attempt::End::done:
      return "done";
    case Attempt::End::failure:
      return "failure";
    case Attempt::End::released:
      return "released";
    case Attempt::End::worker_lost:
      return "worker_lost";
    case Attempt::End::stopped:
      return "stopped";
  }
  return "unknown";
}

}  // namespace pawl::inline v1
