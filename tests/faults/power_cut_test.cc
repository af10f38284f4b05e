#include <cstdlib>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tests/faults/fault_store.h"

namespace pawl::test {

namespace {

constexpr std::uint64_t kSeeds = 200;
constexpr int kCuts = 3;  // One after the other.

struct End {
  bool refused = false;  // As it may.
  std::vector<std::string> wrong;
  std::string notes;
};

// Brokers on one machine whose power goes again and again.
struct Machine {
  explicit Machine(std::uint64_t seed) : random(seed) {}

  std::filesystem::path disk(int cut) const {
    return directory.path() / fmt::format("{}", cut) / "data";
  }

  // Runs until the power goes, at the latest when there is nothing to do any more. Sooner when the
  // store refuses.
  void run_until_cut(int cut) {
    FaultStore broker(disk(cut));
    broker.disk().cut_at(1 + draw(random, draw(random, 2) == 0 ? 60 : 600));
    try {
      broker.open();
      ledger.begin(broker.store());
      for (std::uint64_t left = draw(random, 200); left != 0; --left) {
        if (!ledger.commit(broker.store(), draw(random, 3) == 0 ? Sync::synced : Sync::written))
          break;
      }
    } catch (const std::runtime_error& error) {
      if (!broker.disk().is_cut()) throw;
    }
    image = broker.disk().power_cut(random, disk(cut + 1));
  }

  void run_on(int cut) {
    FaultStore last(disk(cut));
    last.open();
    ledger.begin(last.store());
    if (!ledger.commit(last.store(), Sync::synced)) throw std::runtime_error("it does not go on");
  }

  End run() {
    End end;
    try {
      for (int cut = 0; cut < kCuts; ++cut) run_until_cut(cut);
      run_on(kCuts);
    } catch (const std::runtime_error& error) {
      end.refused = image.spoiled_manifest;
      if (!end.refused) end.wrong.emplace_back(error.what());
    }
    for (const std::string& what : ledger.complaints()) end.wrong.push_back(what);
    if (!end.wrong.empty()) end.notes = fmt::format("{}", fmt::join(image.notes, "\n"));
    return end;
  }

  Random random;
  TempDirectory directory;
  Ledger ledger;
  CrashImage image;
};

}  // namespace

// A MANIFEST that ends in bytes that were neither written nor never there is no file system's doing
// in its usual mode, and RocksDB cannot tell it from damage: it may say so and refuse.
TEST_CASE("wherever the power goes, what was synced is there and the rest is a prefix",
          "[faults][store]") {
  const char* wish = std::getenv("PAWL_SEEDS");
  const std::uint64_t seeds = wish == nullptr ? kSeeds : std::strtoull(wish, nullptr, 10);
  const auto ends = in_parallel(seeds, [](std::size_t i) { return Machine(i + 1).run(); });
  std::uint64_t refused = 0;
  for (std::uint64_t i = 0; i < seeds; ++i) {
    CAPTURE(i + 1, ends[i].notes);
    CHECK(ends[i].wrong == std::vector<std::string>{});
    refused += ends[i].refused ? 1 : 0;
  }
  CHECK(refused < seeds / 4);
}

}  // namespace pawl::test
