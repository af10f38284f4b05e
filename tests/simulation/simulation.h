#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/core/fsck.h"
#include "tests/simulation/observer.h"
#include "tests/simulation/worker.h"

namespace pawl::simulation {

// One run: an active phase with faults, then everything heals and is drained, then the books are
// checked. All on one thread and from one seed.
class Simulation {
 public:
  using Detail = test::History::Detail;
  explicit Simulation(const Plan& plan, Detail detail = Detail::none);

  // True when no promise was broken.
  bool run();

  std::string report() const;
  std::uint64_t events() const { return events_.executed(); }
  std::size_t jobs() const;
  const test::History::Tally& tally() const { return history_.tally(); }
  // Equal for runs in which the broker did the same, byte for byte.
  std::uint64_t digest() const { return server_.digest(); }

 private:
  void step();
  void plan_faults();
  void repeat(Micros mean, std::function<void()> what);
  void calm();
  void heal();
  bool drained() const;
  void drain();

  // audit.cc
  void audit();
  void audit_frozen();
  void audit_jobs(const core::FsckReport& found);
  void audit_lists(const std::vector<core::JobState>& states);
  void audit_counts();
  std::optional<bool> counts_agree(const std::string& ns);
  void audit_memory();
  std::set<core::JobId> list(core::ListJobs asked);
  std::set<core::JobId> jobs_in(const core::FsckReport& found, const core::ListJobs& asked) const;

  core::FsckReport check_store();
  void check_idle();

  const Plan plan_;
  Chance chance_;
  EventQueue events_;
  test::History history_;
  test::NaiveModel model_;
  Server server_;
  Network network_;
  std::vector<std::unique_ptr<Producer>> producers_;
  Worker::Gossip gossip_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Observer observer_;
  bool healed_ = false;
  Micros idle_checked_{0};
};

}  // namespace pawl::simulation
