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
  for (std::uint64_t seed = first; seed < first + count && failed < 5; ++seed) {
    INFO("again: PAWL_SEED=" << seed);
    Simulation simulation(Plan::draw(seed), detail);
    const bool held = simulation.run();
    events += simulation.events();
    jobs += simulation.jobs();
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
}

}  // namespace pawl::simulation
