#include "tests/support/e2e_history.h"

#include <algorithm>

#include <fmt/format.h>

namespace pawl::test {

namespace {

// Of a token: which broker gave it, counted by its starts.
std::uint64_t epoch_of(std::uint64_t token) {
  return token >> 40;
}

}  // namespace

void E2eHistory::broken(std::string_view rule, const std::string& payload, std::string_view what) {
  broken_.push_back(fmt::format("{}: {:.40} {}", rule, payload, what));
}

E2eHistory::Told& E2eHistory::met(const std::string& payload, const std::string& job,
                                  const char* where) {
  ++events_;
  if (!told_.contains(payload)) broken("I2", payload, fmt::format("{}, nobody sent it", where));
  Told& told = told_[payload];
  told.jobs.insert(job);
  if (told.jobs.size() > 1) broken("I3", payload, fmt::format("{}, a second job of it", where));
  return told;
}

void E2eHistory::attempted(const std::string& payload, Fate fate) {
  const std::lock_guard lock(mutex_);
  ++events_;
  told_[payload].fate = std::move(fate);
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
  if (told.state == told.fate.state) broken("I6", payload, "was run after its end was told");
  if (!told.tokens.insert(token).second) broken("I5", payload, "was run twice with one token");
  // A broker that was killed may not have stored whom it gave the job to, one that lives knows.
  for (const std::uint64_t other : told.running) {
    if (epoch_of(other) == epoch_of(token)) broken("I5", payload, "was run twice at once");
  }
  told.running.insert(token);
}

void E2eHistory::ended(const std::string& payload, std::uint64_t token) {
  const std::lock_guard lock(mutex_);
  ++events_;
  told_[payload].running.erase(token);
}

void E2eHistory::seen(const std::string& payload, const std::string& job, std::string_view state) {
  const std::lock_guard lock(mutex_);
  Told& told = met(payload, job, "was listed");
  if (told.missed) broken("I4", payload, fmt::format("was forgotten and then {}", state));
  if (told.state == told.fate.state && state != told.state) {
    broken("I4", payload, fmt::format("was {} and then {}", told.state, state));
  }
  told.state = state;
}

void E2eHistory::missed(const std::string& job) {
  const std::lock_guard lock(mutex_);
  ++events_;
  for (auto& [payload, told] : told_) {
    if (!told.jobs.contains(job)) continue;
    told.missed = true;
    if (told.accepted && told.fate.after == Fate::After::kept) broken("I1", payload, "is gone");
  }
}

void E2eHistory::judge(const std::string& payload, const Told& told) {
  if (told.state != told.fate.state && !(told.missed && told.runs >= told.fate.runs_min)) {
    broken("I1", payload,
           told.state.empty() ? "was accepted and is gone"
                              : fmt::format("was accepted and ended {}", told.state));
  }
  if (told.runs < told.fate.runs_min) broken("I2", payload, "has ended without a run");
  if (told.runs > told.fate.runs_max) {
    broken("I7", payload, fmt::format("was run {} times", told.runs));
  }
}

std::vector<std::string> E2eHistory::verdict() {
  const std::lock_guard lock(mutex_);
  for (const auto& [payload, told] : told_) {
    if (told.accepted) judge(payload, told);
  }
  return broken_;
}

std::size_t E2eHistory::accepted_with_fate(std::string_view state) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(told_, [&](const auto& entry) {
    const Told& told = entry.second;
    return told.accepted && told.fate.after == Fate::After::kept && told.fate.state == state;
  }));
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
