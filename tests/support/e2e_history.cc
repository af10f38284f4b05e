#include "tests/support/e2e_history.h"

#include <fmt/format.h>

namespace pawl::test {

void E2eHistory::broken(std::string_view rule, const std::string& payload, std::string_view what) {
  broken_.push_back(fmt::format("{}: {} {}", rule, payload, what));
}

E2eHistory::Told& E2eHistory::met(const std::string& payload, const std::string& job,
                                  const char* where) {
  if (!told_.contains(payload)) broken("I2", payload, fmt::format("{}, nobody sent it", where));
  Told& told = told_[payload];
  told.jobs.insert(job);
  if (told.jobs.size() > 1) broken("I3", payload, fmt::format("{}, a second job of it", where));
  return told;
}

void E2eHistory::attempted(const std::string& payload) {
  const std::lock_guard lock(mutex_);
  told_[payload];
}

void E2eHistory::accepted(const std::string& payload, const std::string& job) {
  const std::lock_guard lock(mutex_);
  met(payload, job, "was accepted").accepted = true;
  ++accepted_count_;
}

void E2eHistory::began(const std::string& payload, const std::string& job, std::uint64_t token) {
  const std::lock_guard lock(mutex_);
  Told& told = met(payload, job, "was run");
  ++told.runs;
  if (told.state == "completed") broken("I6", payload, "was run after its completion was told");
  if (!told.tokens.insert(token).second) broken("I5", payload, "was run twice with one token");
}

void E2eHistory::seen(const std::string& payload, const std::string& job, std::string_view state) {
  const std::lock_guard lock(mutex_);
  Told& told = met(payload, job, "was listed");
  if (told.state == "completed" && state != "completed") {
    broken("I4", payload, fmt::format("was completed and then {}", state));
  }
  told.state = state;
}

std::vector<std::string> E2eHistory::verdict() {
  const std::lock_guard lock(mutex_);
  for (const auto& [payload, told] : told_) {
    if (!told.accepted) continue;
    if (told.state.empty()) broken("I1", payload, "was accepted and is gone");
    if (!told.state.empty() && told.state != "completed") {
      broken("I1", payload, fmt::format("was accepted and ended {}", told.state));
    }
    if (told.runs == 0) broken("I2", payload, "has ended without a run");
  }
  return broken_;
}

std::vector<std::string> E2eHistory::accepted_jobs() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> jobs;
  for (const auto& [payload, told] : told_) {
    if (told.accepted) jobs.push_back(*told.jobs.begin());
  }
  return jobs;
}

}  // namespace pawl::test
