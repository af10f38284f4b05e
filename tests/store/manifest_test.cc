#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include "broker/store/log_records.h"
#include "broker/store/rocks_reader.h"
#include "broker/store/sync_mark.h"
#include "tests/store/file_bytes.h"
#include "tests/store/store_talk.h"

namespace pawl::test {

namespace {

namespace fs = std::filesystem;

// Commits until RocksDB has noted some files of values in its MANIFEST.
void fill(store::RocksStore& store, const fs::path& mark) {
  Owned owned(store);
  const std::uint64_t before = store::SyncMark::read(mark).manifest.bytes;
  const std::string value(100'000, 'v');
  for (int i = 0; store::SyncMark::read(mark).manifest.bytes < before + 300; ++i) {
    REQUIRE(i < 10'000);
    REQUIRE(owned.put(Table::batches, "k" + std::to_string(i), value) == Outcome::durable);
  }
}

}  // namespace

TEST_CASE("a MANIFEST that was cut between two of its records is named", "[store][manifest]") {
  TempDirectory directory;
  store::RocksOptions options;
  options.directory = directory.path();
  options.reserve_bytes = 0;
  options.write_buffer_bytes = 256 << 10;
  {
    store::RocksStore store(options);
    fill(store, directory.path() / "synced");
  }
  std::string name = read_file(directory.path() / "db" / "CURRENT");
  name.pop_back();
  const fs::path manifest = directory.path() / "db" / name;
  const std::string whole = read_file(manifest);
  CHECK(store::SyncMark::read(directory.path() / "synced").manifest.bytes == whole.size());

  store::LogRecords records(whole);
  std::size_t cuts = 0;
  while (records.next_record() && records.end() < whole.size()) {
    ++cuts;
    fs::resize_file(manifest, records.end());
    CHECK_THROWS_WITH(store::RocksStore(options), Catch::Contains(name + " is damaged"));
    CHECK_THROWS_WITH(store::RocksReader(directory.path()), Catch::Contains(name + " is damaged"));
  }
  CHECK(cuts >= 3);
  write_file(manifest, whole);
  CHECK_NOTHROW(store::RocksReader(directory.path()));
  CHECK_NOTHROW(store::RocksStore(options));
}

}  // namespace pawl::test
