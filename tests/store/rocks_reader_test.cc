#include "broker/store/rocks_reader.h"

#include <algorithm>
#include <fstream>

#include <catch2/catch.hpp>

#include "broker/store/directory_lock.h"
#include "tests/store/store_talk.h"

namespace pawl::test {
namespace {

namespace fs = std::filesystem;
using Rows = Owned::Rows;

struct Seen {
  Rows rows;
  std::vector<std::string> unreadable;
};

Seen read(const fs::path& directory, Table table) {
  Seen seen;
  store::RocksReader(directory).each(
      kShard, table,
      {.row = [&](std::string_view key,
                  const core::Blob& value) { seen.rows.emplace_back(key, value.view()); },
       .unreadable = [&](std::string_view key,
                         const std::string&) { seen.unreadable.emplace_back(key); }});
  return seen;
}

std::vector<fs::path> files(const fs::path& directory, std::string_view extension) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(directory / "db")) {
    if (entry.path().extension() == extension) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string bytes_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// A store that has ended, with what was written into it.
struct Ended {
  template <class Fill>
  explicit Ended(Fill&& fill) {
    RocksHarness harness(directory.path());
    Owned owned(harness.store());
    fill(owned);
  }
  void restart() const { RocksHarness harness(directory.path()); }

  TempDirectory directory;
};

}  // namespace

TEST_CASE("a reader sees what only the logs hold, and no rows that have expired",
          "[store][reader]") {
  const Ended ended([](Owned& owned) {
    owned.put(Table::batches, "a", "1");
    owned.put(Table::batches, "b", std::string(10'000, 'b'));
    owned.commit(
        [](core::Commit& commit) {
          commit.put(Table::batches, "c", "gone", {}, core::timestamp_from_ms(5));
        },
        {.at_ms = 10});
  });
  const Rows expected{{"a", "1"}, {"b", std::string(10'000, 'b')}};

  CHECK(read(ended.directory.path(), Table::batches).rows == expected);
  ended.restart();
  CHECK(read(ended.directory.path(), Table::batches).rows == expected);
}

TEST_CASE("a reader reads over an unfinished write and leaves it where it is", "[store][reader]") {
  const Ended ended([](Owned& owned) {
    owned.put(Table::batches, "a", "1");
    owned.put(Table::batches, "b", "2", {.sync = Sync::written});
  });
  const fs::path log = files(ended.directory.path(), ".log").back();
  SECTION("cut short") {
    fs::resize_file(log, fs::file_size(log) - 3);
  }
  SECTION("garbage") {
    std::ofstream(log, std::ios::binary | std::ios::in | std::ios::out)
        .seekp(static_cast<std::streamoff>(fs::file_size(log) - 20))
        .write("garbage", 7);
  }
  const std::string before = bytes_of(log);

  CHECK(read(ended.directory.path(), Table::batches).rows == Rows{{"a", "1"}});
  CHECK(bytes_of(log) == before);
}

TEST_CASE("a reader refuses logs whose acknowledged commits are damaged", "[store][reader]") {
  const Ended ended([](Owned& owned) {
    for (const char* key : {"a", "b", "c"}) owned.put(Table::batches, key, "1");
  });
  const fs::path log = files(ended.directory.path(), ".log").back();
  std::ofstream(log, std::ios::binary | std::ios::in | std::ios::out)
      .seekp(static_cast<std::streamoff>(fs::file_size(log) / 2))
      .write("garbage", 7);

  CHECK_THROWS_WITH(store::RocksReader(ended.directory.path()),
                    Catch::Contains(log.filename().string()) && Catch::Contains("damaged"));
}

TEST_CASE("a reader goes on behind values that it cannot read", "[store][reader]") {
  const Ended ended([](Owned& owned) {
    for (char key = 'a'; key < 'f'; ++key) {
      owned.put(Table::batches, std::string(1, key), std::string(10'000, key));
    }
  });
  ended.restart();
  const fs::path blobs = files(ended.directory.path(), ".blob").at(0);
  std::vector<std::string> lost;
  SECTION("first, middle and last") {
    std::string bytes = bytes_of(blobs);
    for (const char key : {'a', 'c', 'e'}) {
      bytes[bytes.find(std::string(100, key)) + 50] = '#';
      lost.emplace_back(1, key);
    }
    std::ofstream(blobs, std::ios::binary) << bytes;
  }
  SECTION("the file is gone") {
    lost = {"a", "b", "c", "d", "e"};
    fs::remove(blobs);
  }

  const Seen seen = read(ended.directory.path(), Table::batches);

  CHECK(seen.unreadable == lost);
  CHECK(seen.rows.size() == 5 - lost.size());
}

TEST_CASE("a reader finds lost values in many files", "[store][reader]") {
  const Ended ended([](Owned&) {});
  std::vector<std::string> keys;
  for (char round = 'a'; round < 'e'; ++round) {
    RocksHarness harness(ended.directory.path());  // Each makes table files of its own.
    Owned owned(harness.store());
    for (char key = 'a'; key < 'e'; ++key) {
      keys.push_back({round, key});
      owned.put(Table::batches, keys.back(), std::string(10'000, key));
    }
  }
  ended.restart();
  for (const fs::path& blobs : files(ended.directory.path(), ".blob")) fs::remove(blobs);

  CHECK(read(ended.directory.path(), Table::batches).unreadable == keys);
}

TEST_CASE("readers share a directory and keep brokers away from it", "[store][reader]") {
  const Ended ended([](Owned& owned) { owned.put(Table::batches, "a", "1"); });
  const fs::path& directory = ended.directory.path();
  const store::DirectoryLock one = store::DirectoryLock::for_reading(directory);
  const store::DirectoryLock other = store::DirectoryLock::for_reading(directory);

  CHECK_THROWS_WITH(store::DirectoryLock(directory), Catch::Contains("is being read"));
}

TEST_CASE("a broker keeps readers away", "[store][reader]") {
  const TempDirectory directory;
  const store::DirectoryLock broker(directory.path());

  CHECK_THROWS_WITH(store::DirectoryLock::for_reading(directory.path()),
                    Catch::Contains("in use by another broker (process "));
}

}  // namespace pawl::test
