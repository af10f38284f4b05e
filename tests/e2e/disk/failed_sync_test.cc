#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/e2e/crash_load.h"
#include "tests/e2e/disk/fault_disk.h"

namespace pawl::test {
namespace {

// Only a sync that is never asked for takes so long.
constexpr std::chrono::seconds kPatience{30};

struct Row {
  const char* file;
  const char* told;  // By what the log names it.
  std::vector<std::uint32_t> nth;
  enum class When : std::uint8_t { serving, starting } when = When::serving;
};

const std::vector<Row> kRows = {
    {".log", ".log: Input/output error", {1, 2, 9}},
    {".sst", ".sst: Input/output error", {1, 3}},
    {".blob", ".blob: Input/output error", {1}},
    {"MANIFEST", "MANIFEST-", {1}},
    {"db", "fsync: a directory: Input/output error", {1}},  // After a file was made there.
    {".log", ".log: Input/output error", {1}, Row::When::starting},
    {"MANIFEST", "MANIFEST-", {1}, Row::When::starting},
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// The broker meets the failed sync, ends, and starts again on a sound disk. False when it did not
// end.
bool fail_and_start_again(Site& site, FaultDisk& disk, const Row& row, std::uint32_t nth) {
  const bool starting = row.when == Row::When::starting;
  CAPTURE(row.file, nth, starting);
  const std::uint32_t failed = disk.failed_syncs();
  if (starting) site.broker.stop();
  disk.fail_sync(row.file, nth);
  if (starting) site.broker.launch({});
  const auto status = site.broker.process().wait(kPatience);
  const std::string log = site.broker.log();
  CAPTURE(log);
  CHECK(status == 1);
  CHECK(disk.failed_syncs() == failed + 1);
  CHECK(contains(log, row.told));
  CHECK(contains(log, starting ? "cannot open the data directory"
                               : "start again to read what is on the disk"));
  if (status) site.broker.start();
  return status.has_value();
}

}  // namespace

// What a failed sync should have written is gone from that disk, so a job that was acknowledged
// upon it, or after it, is missed.
TEST_CASE("whichever sync fails, the broker stops and says so, and nothing accepted is lost",
          "[e2e][disk]") {
  // So small that flushes and compactions take part.
  Site site({"--write-buffer", "1MiB", "--storage-log", "4MiB"});
  FaultDisk disk(site.broker);
  CrashLoad load(site);

  bool going = true;
  for (const Row& row : kRows) {
    for (const std::uint32_t nth : row.nth) {
      going = going && fail_and_start_again(site, disk, row, nth);
    }
  }

  CHECK(load.finish(site.client) == std::vector<std::string>{});
  REQUIRE(site.broker.stop() == 0);
  const Finished checked = site.pawld({"fsck", site.data()});
  CAPTURE(checked.out, checked.err);
  CHECK(checked.status == 0);
}

}  // namespace pawl::test
