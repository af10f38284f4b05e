#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pawl::test {

// What producers, handlers and onlookers saw of a broker from outside, held against the invariants
// I1 to I6 of reference/reliability.md. Each job has a payload of its own, by which a job that was
// made twice is found. Thread-safe.
class E2eHistory {
 public:
  // A producer is about to send it.
  void attempted(const std::string& payload);
  // The broker said accepted.
  void accepted(const std::string& payload, const std::string& job);
  // A handler was called.
  void began(const std::string& payload, const std::string& job, std::uint64_t token);
  // The broker said what became of it.
  void seen(const std::string& payload, const std::string& job, std::string_view state);

  // After the last look at every job; all of them should have been run. One sentence for each thing
  // that is wrong.
  std::vector<std::string> verdict();

  std::size_t accepted_count() const { return accepted_count_.load(); }
  std::vector<std::string> accepted_jobs() const;

 private:
  struct Told {
    std::set<std::string> jobs;  // Under which ids it was met; more than one is a double.
    bool accepted = false;
    std::string state;  // The last one seen.
    std::set<std::uint64_t> tokens;
    std::size_t runs = 0;
  };

  Told& met(const std::string& payload, const std::string& job, const char* where);
  void broken(std::string_view rule, const std::string& payload, std::string_view what);

  mutable std::mutex mutex_;
  std::map<std::string, Told> told_;
  std::vector<std::string> broken_;
  std::atomic<std::size_t> accepted_count_{0};
};

}  // namespace pawl::test
