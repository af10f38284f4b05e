// The bare RocksDB loop that the broker's processor time is held against: it writes the bytes that
// a fill and a drain leave in the store, and does nothing else. One row of payloads a batch, one
// ready row and the lane's; then one outcomes row, one list row, one closed row, the lane's again,
// and the ready row's end. Eight batches (singles: 64) share a synced write, as they do in a broker
// with so many in flight. RocksDB's own defaults, but for blobs and compression as the broker has
// them.
//   rocks_loop --dir DIR --batch N --jobs N     prints {"cpu_s_per_100k": ...}

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "bench/random.h"

namespace pawl::bench {
namespace {

constexpr std::size_t kPayloadBytes = 256;
constexpr std::size_t kJobBytes = kPayloadBytes + 6;  // With its tags and lengths.
constexpr std::size_t kHeadBytes = 60;                // Envelope and defaults.
constexpr std::size_t kInFlight = 8;
constexpr std::size_t kSinglesInFlight = 64;

struct Load {
  std::string directory;
  std::size_t batch = 100;
  std::uint64_t jobs = 1'000'000;

  std::uint64_t batches() const { return jobs / batch; }
  std::size_t batches_per_write() const { return batch == 1 ? kSinglesInFlight : kInFlight; }
};

void require(const rocksdb::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

std::string key_of(char table, std::uint64_t number) {
  return fmt::format("{}{:016x}{:016x}", table, number, number * 0x9e3779b97f4a7c15u);
}

class Loop {
 public:
  explicit Loop(const Load& load) : load_(load) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;
    options.enable_blob_files = true;
    options.min_blob_size = 4 << 10;
    rocksdb::DB* database = nullptr;
    require(rocksdb::DB::Open(options, load.directory, &database));
    database_.reset(database);
  }

  void fill() {
    std::string records(kHeadBytes + kJobBytes * load_.batch, '\0');
    each([&](rocksdb::WriteBatch& write, std::uint64_t number) {
      for (std::size_t i = 0; i < load_.batch; ++i)
        random_.fill(records.data() + kHeadBytes + i * kJobBytes, kPayloadBytes);
      write.Put(key_of('b', number), records);
      write.Put(key_of('r', number), std::string(32, 'r'));
    });
  }

  void drain() {
    each([](rocksdb::WriteBatch& write, std::uint64_t number) {
      write.Put(key_of('o', number), std::string(90, 'o'));
      write.Put(key_of('i', number), std::string(8, 'i'));
      write.Put(key_of('c', number), std::string(18, 'c'));
      write.SingleDelete(key_of('r', number));
    });
  }

 private:
  template <class Add>
  void each(const Add& add) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    rocksdb::WriteBatch write;
    for (std::uint64_t number = 0; number < load_.batches();) {
      write.Clear();
      const auto end = std::min<std::uint64_t>(number + load_.batches_per_write(), load_.batches());
      for (; number < end; ++number) add(write, number);
      write.Put("lane", std::string(60, 'l'));
      write.Put("counts", std::string(40, 'n'));
      require(database_->Write(synced, &write));
    }
  }

  const Load load_;
  RandomBytes random_{1};
  std::unique_ptr<rocksdb::DB> database_;
};

double cpu_seconds() {
  timespec spent{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
}

int run(int argc, char** argv) {
  Load load;
  CLI::App app("Writes what a broker writes, and nothing else");
  app.add_option("--dir", load.directory)->required();
  app.add_option("--batch", load.batch)->check(CLI::Range(1, 1000));
  app.add_option("--jobs", load.jobs)->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 32));
  CLI11_PARSE(app, argc, argv);

  Loop loop(load);
  const double before = cpu_seconds();
  loop.fill();
  loop.drain();
  const double spent = cpu_seconds() - before;
  fmt::print("{{\"cpu_s_per_100k\": {:.5f}}}\n", spent * 1e5 / static_cast<double>(load.jobs));
  return 0;
}

}  // namespace
}  // namespace pawl::bench

int main(int argc, char** argv) {
  try {
    return pawl::bench::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
}
