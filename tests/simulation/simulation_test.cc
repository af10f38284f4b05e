// PAWL_SEEDS: how many seeds (default: those that every build runs). PAWL_SEED: the first one, or
// the only one when PAWL_SEEDS is not given. PAWL_TRACE: any value prints every event.

#include "tests/simulation/simulation.h"

#include <chrono>
#include <cstdlib>

#include <catch2/catch.hpp>
#include <fmt/format.h>

namespace pawl::simulation {
namespace {

std::uint64_t number_of(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kSeeds = 200;
#else
constexpr std::uint64_t kSeeds = 2000;
#endif

// What a run of some hundred seeds has to have met, or it has tested nothing.
const std::vector<std::string> kMet{"agenda pages",
                                    "attempts failed",
                                    "audits while frozen",
                                    "batches accepted",
                                    "batches accepted when written",
                                    "batches sent again",
                                    "connections cut",
                                    "crashes",
                                    "crashes that lose commits",
                                    "dead letters",
                                    "dead letters reaped",
                                    "dead letters seen",
                                    "failed reads",
                                    "handovers",
                                    "jobs cancelled",
                                    "jobs completed",
                                    "jobs released",
                                    "lane pages",
                                    "lanes dropped",
                                    "leases stored before their delivery",
                                    "leases that lasted",
                                    "nights",
                                    "pages of lists",
                                    "picks compared",
                                    "pushes to stop a job",
                                    "receipts written",
                                    "refused: disk_full",
                                    "refused: id_conflict",
                                    "refused: id_expired",
                                    "refused: lease_lost",
                                    "refused: overloaded",
                                    "refused: unavailable",
                                    "results apart",
                                    "rows reaped",
                                    "running jobs cancelled",
                                    "sessions resumed",
                                    "stops"};

void add(const test::History::Tally& some, test::History::Tally& all) {
  for (const auto& [what, times] : some) all[what] += times;
}

}  // namespace

TEST_CASE("no seed breaks a promise", "[simulation]") {
  const bool one = std::getenv("PAWL_SEED") != nullptr;
  const std::uint64_t first = number_of("PAWL_SEED", 1);
  const std::uint64_t count = number_of("PAWL_SEEDS", one ? 1 : kSeeds);
  const auto detail = std::getenv("PAWL_TRACE") != nullptr ? Simulation::Detail::all_to_stderr
                                                           : Simulation::Detail::none;
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t events = 0;
  std::uint64_t jobs = 0;
  std::uint64_t failed = 0;
  test::History::Tally tally;
  for (std::uint64_t seed = first; seed < first + count && failed < 5; ++seed) {
    INFO("again: PAWL_SEED=" << seed);
    Simulation simulation(Plan::draw(seed), detail);
    const bool held = simulation.run();
    events += simulation.events();
    jobs += simulation.jobs();
    add(simulation.tally(), tally);
    if (held) continue;
    ++failed;
    Simulation again(Plan::draw(seed), Simulation::Detail::last_events);
    CHECK(!again.run());
    FAIL_CHECK(again.report());
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - start);
  fmt::print("{} seeds from {}: {} jobs, {} events, {} ms\n", count, first, jobs, events,
             took.count());
  for (const auto& [what, times] : tally) fmt::print("  {:>10} {}\n", times, what);
  if (count < 1000) return;  // A few seeds need not meet everything.
  for (const std::string& what : kMet) {
    INFO(what);
    CHECK(tally[what] > 0);
  }
}

TEST_CASE("a seed gives the same commits every time", "[simulation]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Simulation once(Plan::draw(seed));
    Simulation again(Plan::draw(seed));
    once.run();
    again.run();
    INFO("seed " << seed);
    CHECK(once.digest() == again.digest());
    CHECK(once.events() == again.events());
  }
}

}  // namespace pawl::simulation
