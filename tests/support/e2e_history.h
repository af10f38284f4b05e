#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pawl::test {

// What producers, handlers and onlookers saw of a broker from outside, held against the invariants
// I1 to I7 of reference/reliability.md. Each job has a payload of its own, by which a job that was
// made twice is found. Thread-safe.
class E2eHistory {
 public:
  // What is to become of a job.
  struct Fate {
    std::string state = "completed";
    enum class After : std::uint8_t { kept, forgotten } after = After::kept;
    std::size_t runs_min = 1;
    std::size_t runs_max = std::numeric_limits<std::size_t>::max();
  };

  // A producer is about to send it.
  void attempted(const std::string& payload, Fate fate);
  void attempted(const std::string& payload) { attempted(payload, Fate()); }
  // The broker said accepted.
  void accepted(const std::string& payload, const std::string& job);
  // A handler was called, and has returned.
  void began(const std::string& payload, const std::string& job, std::uint64_t token);
  void ended(const std::string& payload, std::uint64_t token);
  // The broker said what became of it.
  void seen(const std::string& payload, const std::string& job, std::string_view state);
  // The broker said that it knows no such job.
  void missed(const std::string& job);

  // After the last look at every job. One sentence for each thing that is wrong.
  std::vector<std::string> verdict();

  std::size_t accepted_count() const { return accepted_count_.load(); }
  // Of those that were accepted and are kept, how many have to end so.
  std::size_t accepted_with_fate(std::string_view state) const;
  std::vector<std::string> accepted_jobs() const;
  // How often anything was told: whatever goes on makes it grow.
  std::uint64_t events() const { return events_.load(); }

 private:
  struct Told {
    Fate fate;
    std::set<std::string> jobs;  // Under which ids it was met; more than one is a double.
    bool accepted = false;
    bool missed = false;
    std::string state;  // The last one seen.
    std::set<std::uint64_t> tokens;
    std::set<std::uint64_t> running;  // By token.
    std::size_t runs = 0;
  };

  Told& met(const std::string& payload, const std::string& job, const char* where);
  void judge(const std::string& payload, const Told& told);
  void broken(std::string_view rule, const std::string& payload, std::string_view what);

  mutable std::mutex mutex_;
  std::map<std::string, Told> told_;
  std::vector<std::string> broken_;
  std::atomic<std::size_t> accepted_count_{0};
  std::atomic<std::uint64_t> events_{0};
};

}  // namespace pawl::test
