// A checker that cannot fail has checked nothing: a broker that is broken in one way has to be
// found out within some seeds.

#include <csignal>
#include <cstdio>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <sys/wait.h>

#include "tests/simulation/simulation.h"

namespace pawl::simulation {
namespace {

constexpr std::uint64_t kSeeds = 200;

using Kind = Sabotage::Kind;

enum class Found : std::uint8_t { by_checker, by_engine, nothing };

bool is_found(std::uint64_t seed, const Sabotage& sabotage) {
  Plan plan = Plan::draw(seed);
  plan.sabotage = sabotage;
  if (sabotage.kind == Kind::answer_before_write) plan.store_fault_mille = 0;
  return !Simulation(plan).run() && Simulation(Plan::draw(seed)).run();
}

// In a process of its own, since the engine may meet what cannot be and stop.
Found hunt(const Sabotage& sabotage) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    std::freopen("/dev/null", "w", stderr);
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      if (is_found(seed, sabotage)) _exit(0);
    }
    _exit(1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (!WIFEXITED(status)) return Found::by_engine;
  return WEXITSTATUS(status) == 0 ? Found::by_checker : Found::nothing;
}

}  // namespace

TEST_CASE("a store that loses the puts of a table is found out", "[simulation][sabotage]") {
  using core::Table;
  for (const Table table :
       {Table::meta, Table::batches, Table::outcomes, Table::results, Table::jobs, Table::ready,
        Table::lanes, Table::agenda, Table::leases, Table::closed, Table::listed, Table::dead}) {
    INFO(core::to_string(table));
    CHECK(hunt({Kind::drop_puts, table}) == Found::by_checker);
  }
}

TEST_CASE("a store that does not sync is found out", "[simulation][sabotage]") {
  CHECK(hunt({.kind = Kind::ignore_synced}) == Found::by_checker);
}

TEST_CASE("batches that are erased before their time are found out", "[simulation][sabotage]") {
  CHECK(hunt({.kind = Kind::erase_early}) == Found::by_checker);
}

TEST_CASE("replies that leave before their commit is stored are found out",
          "[simulation][sabotage]") {
  CHECK(hunt({.kind = Kind::answer_before_write}) == Found::by_checker);
}

TEST_CASE("a clock that is 50 ms ahead is found out", "[simulation][sabotage]") {
  CHECK(hunt({.kind = Kind::fast_clock}) == Found::by_checker);
}

TEST_CASE("stale tokens that count are found out", "[simulation][sabotage]") {
  CHECK(hunt({.kind = Kind::newest_token}) == Found::by_checker);
}

TEST_CASE("batches that are made twice are found out", "[simulation][sabotage]") {
  CHECK(hunt({.kind = Kind::let_duplicates_through}) == Found::by_checker);
}

}  // namespace pawl::simulation
