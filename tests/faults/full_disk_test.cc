#include <catch2/catch.hpp>

#include "tests/faults/fault_store.h"

namespace pawl::test {

namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kDisk = 64 * kMiB;
// Below it the engine's loop refuses new jobs.
constexpr std::uint64_t kMinFree = 8 * kMiB;
constexpr std::uint64_t kReserve = kMiB;

// A small disk that RocksDB and the reserve share.
struct SmallDisk {
  SmallDisk() { insert(kDisk); }

  // Another disk in the place of the old one, with the same files.
  void insert(std::uint64_t bytes) {
    store.reset();
    store = std::make_unique<FaultStore>(directory.path() / "data");
    store->options.reserve_bytes = kReserve;
    store->options.space = [disk = &store->disk()] {
      return store::Space{.free_bytes = disk->free_bytes(), .total_bytes = kDisk};
    };
    resize(bytes);
  }
  void resize(std::uint64_t bytes) const { store->disk().fill(bytes, reserve()); }
  std::filesystem::path reserve() const { return directory.path() / "data" / "reserve"; }

  // False when the store did not come up.
  bool open() {
    try {
      store->open();
      ledger.begin(store->store());
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  }
  bool commit() { return ledger.commit(store->store(), Sync::synced); }
  std::uint64_t free_bytes() const { return store->store().space().free_bytes; }

  TempDirectory directory;
  std::unique_ptr<FaultStore> store;
  Ledger ledger;
};

}  // namespace

TEST_CASE("on a disk that fills there is room for completions after new jobs are refused",
          "[faults][store]") {
  SmallDisk disk;
  REQUIRE(disk.open());
  CHECK(std::filesystem::file_size(disk.reserve()) == kReserve);

  // Somebody else fills the disk, and no write fails before there is hardly any room.
  disk.resize(disk.store->disk().used_bytes() + kMinFree);
  while (disk.free_bytes() >= kMinFree / 2) REQUIRE(disk.commit());
  CHECK(std::filesystem::exists(disk.reserve()));

  // The rest of the room goes, but for what the reserve holds.
  disk.resize(disk.store->disk().used_bytes() + kReserve / 8);
  CHECK(disk.free_bytes() > kReserve);
  CHECK_FALSE(std::filesystem::exists(disk.reserve()));
  for (int completion = 0; completion < 40; ++completion) CHECK(disk.commit());

  disk.resize(kDisk);
  CHECK(disk.free_bytes() > kMinFree);
  CHECK(std::filesystem::exists(disk.reserve()));
  CHECK(disk.commit());
}

TEST_CASE("a disk without any room stops the store, which opens once there is some",
          "[faults][store]") {
  SmallDisk disk;
  REQUIRE(disk.open());
  for (int i = 0; i < 50; ++i) REQUIRE(disk.commit());

  disk.resize(disk.store->disk().used_bytes() + kMiB);
  int durable = 0;
  while (disk.commit()) REQUIRE(++durable < 10'000);
  for (int i = 0; i < 10; ++i) CHECK_FALSE(disk.commit());

  disk.insert(0);
  if (disk.open()) CHECK(disk.ledger.complaints() == std::vector<std::string>{});
  disk.insert(kDisk);
  REQUIRE(disk.open());
  CHECK(disk.ledger.complaints() == std::vector<std::string>{});
  CHECK(disk.commit());
}

}  // namespace pawl::test
