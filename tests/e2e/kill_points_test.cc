#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/e2e/crash_load.h"

namespace pawl::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

// Only a point that is never reached takes so long.
constexpr seconds kPatience{30};
constexpr int kKilled = 128 + SIGKILL;

struct Row {
  const char* point;
  std::vector<int> nth;
  enum class Needs : std::uint8_t { load, stop, torn_log } needs = Needs::load;
};

// A number for each time: the first one often meets the start, a later one the work.
const std::vector<Row> kRows = {
    {"store.acquire.before", {1}},
    {"store.acquire.after", {1}},
    {"store.commit.before", {1, 2, 7}},
    {"store.commit.written", {1, 2, 7}},
    {"store.commit.before@batches", {1, 2, 7}},   // Enqueues.
    {"store.commit.before@leases", {1, 2}},       // Grants.
    {"store.commit.before@outcomes", {1, 2, 7}},  // Reports.
    {"store.commit.before@agenda", {1, 2}},       // Retries and delays.
    {"store.commit.before@dead", {1, 2}},
    {"store.commit.before@closed", {1, 2, 7}},  // Batches that end, and their reaping.
    {"store.cut_off.kept", {1}, Row::Needs::torn_log},
    {"store.flush.begin", {1}},
    {"store.flush.done", {1, 2}},
    {"store.compaction.done", {1}},
    {"runtime.ready", {1}},
    {"runtime.commit.handed", {1, 7}},
    {"runtime.commit.durable", {1, 2, 7}},
    {"runtime.replies.out", {1, 2, 7}},
    {"runtime.stop.last", {1}, Row::Needs::stop},
    {"net.command.posted", {1, 2, 7}},
};

void tear_newest_log(const fs::path& directory) {
  fs::path newest;
  for (const auto& entry : fs::directory_iterator(directory / "db")) {
    if (entry.path().extension() == ".log" && entry.path() > newest) newest = entry.path();
  }
  REQUIRE(!newest.empty());
  std::ofstream(newest, std::ios::binary | std::ios::app) << "a write that was cut short";
}

// The exit status of a broker that is to die at the point.
std::optional<int> die_at(Site& site, const Row& row, int nth) {
  if (row.needs == Row::Needs::torn_log) tear_newest_log(site.broker.data_directory());
  site.broker.launch({fmt::format("PAWL_KILL_AT={}:{}", row.point, nth)});
  if (row.needs == Row::Needs::stop) {
    site.client.ping(Deadline(kPatience));
    site.broker.process().signal(SIGTERM);
  }
  return site.broker.process().wait(kPatience);
}

void check_tables(Site& site) {
  const Finished checked = site.pawld({"fsck", site.data()});
  CAPTURE(checked.out, checked.err);
  CHECK(checked.status == 0);
}

}  // namespace

TEST_CASE("a broker that is killed at any named point loses and doubles nothing", "[e2e][crash]") {
  // So small that flushes and compactions take part.
  Site site({"--write-buffer", "1MiB", "--storage-log", "4MiB"});
  CrashLoad load(site);
  site.broker.kill();

  for (const Row& row : kRows) {
    for (const int nth : row.nth) {
      CAPTURE(row.point, nth);
      const auto status = die_at(site, row, nth);
      CAPTURE(site.broker.log());
      CHECK(status == kKilled);  // Else the point was never reached.
      if (status != kKilled) site.broker.kill();
    }
    check_tables(site);
  }

  site.broker.start();
  CHECK(load.finish(site.client) == std::vector<std::string>{});
  REQUIRE(site.broker.stop() == 0);
  check_tables(site);
}

}  // namespace pawl::test
