#include <atomic>
#include <thread>

#include <catch2/catch.hpp>

#include "broker/store/rocks_store.h"
#include "tests/store/temp_directory.h"

namespace pawl::test {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

// A store on a disk of this size that has this much room.
struct Disk {
  explicit Disk(store::Space space) {
    options.directory = directory.path() / "data";
    options.wal_bytes = 4 * kMiB;
    options.write_buffer_bytes = kMiB;
    options.reserve_bytes = 0;
    options.work_bytes = store::work_bytes_for(options);
    options.space = [space] { return space; };
  }

  TempDirectory directory;
  store::RocksOptions options;
};

}  // namespace

TEST_CASE("what log and buffers may still need is not offered as free", "[store]") {
  Disk disk({.free_bytes = 30 * kMiB, .total_bytes = 100 * kMiB});
  const std::uint64_t work = disk.options.work_bytes;
  REQUIRE(work > disk.options.wal_bytes + disk.options.write_buffer_bytes);
  {
    const store::RocksStore store(disk.options);
    CHECK(store.space().free_bytes == 30 * kMiB - work);
    CHECK(store.space().total_bytes == 100 * kMiB - work);
  }
  disk.options.space = [] { return store::Space{.free_bytes = 1, .total_bytes = 100 * kMiB}; };
  CHECK(store::RocksStore(disk.options).space().free_bytes == 0);
}

TEST_CASE("a disk that cannot hold log and buffers is refused, and nothing is written", "[store]") {
  Disk disk({.free_bytes = 12 * kMiB, .total_bytes = 12 * kMiB});

  CHECK_THROWS_WITH(store::RocksStore(disk.options),
                    Catch::Contains("has only 12 MiB in all") && Catch::Contains("a log of 4 MiB"));
  CHECK_FALSE(std::filesystem::exists(disk.options.directory / "db"));
}

TEST_CASE("no more is written than there is room for until somebody has looked again", "[store]") {
  store::Allowance allowance(10);
  allowance.spend(1'000);  // Nobody looks yet, so nobody would come too late.
  allowance.looked(100);
  allowance.spend(49);
  allowance.spend(1);  // Written twice, that is all.
  std::atomic<bool> spent{false};
  std::thread writer([&] {
    allowance.spend(1);
    spent = true;
  });
  CHECK_FALSE(spent);
  allowance.looked(0);
  writer.join();
  CHECK(spent);
}

}  // namespace pawl::test
