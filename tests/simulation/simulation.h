#pragma once

#include <memory>
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

 private:
  void step();
  void plan_faults();
  void repeat(Micros mean, std::function<void()> what);
  void heal();
  bool drained() const;
  void drain();
  void audit();
  void audit_jobs(const core::FsckReport& found);
  void audit_lists(const core::FsckReport& found);
  void audit_counts(const core::FsckReport& found);
  void audit_memory();
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
  std::vector<std::unique_ptr<Worker>> workers_;
  Observer observer_;
  bool healed_ = false;
};

}  // namespace pawl::simulation
