#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/faults/fault_fs.h"
#include "tests/store/store_talk.h"

namespace pawl::test {

inline constexpr std::size_t kParallel = 24;
// As many as that many stores need at once: they share RocksDB's threads.
void allow_background_threads();

// A store over a disk that can fail, with buffers so small that some hundred commits make it do all
// that it ever does: logs change, tables and blobs are flushed and compacted, files are let go.
class FaultStore {
 public:
  // Over what is in the directory.
  explicit FaultStore(std::filesystem::path directory);

  // Throws what RocksStore throws.
  void open();

  FaultFs& disk() { return *disk_; }
  store::RocksStore& store() { return *store_; }
  // Why there is none, when open() has thrown.
  bool is_open() const { return store_ != nullptr; }
  const std::filesystem::path& directory() const { return options.directory; }

  store::RocksOptions options;

 private:
  std::shared_ptr<FaultFs> disk_;
  std::unique_ptr<store::RocksStore> store_;
};

// Commits whose rows tell by themselves whether the store holds exactly the first ones of them, and
// what the store has told about them.
class Ledger {
 public:
  // Takes the shard over. What is there then is as good as synced, and is looked at first; what
  // does not fit is told by a sentence in complaints().
  void begin(store::Store& store);
  // The next commit. False when the store did not call it durable.
  bool commit(store::Store& store, Sync sync);

  core::CommitSeq last() const { return owner_.last; }
  // The last commit that must never be missing from now on.
  core::CommitSeq synced() const { return synced_; }
  // The last that only a power cut may take.
  core::CommitSeq told() const { return told_; }

  // Which rows are wrong in a store whose last commit is this one; empty: none.
  static std::vector<std::string> wrong_rows(store::Store& store, core::CommitSeq last);
  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  store::Owner owner_;
  core::CommitSeq synced_ = 0;
  core::CommitSeq told_ = 0;
  std::vector<std::string> complaints_;
};

// A fresh store with some commits, closed in order, made once for all tests. Never to be changed:
// copy it.
const std::filesystem::path& filled_directory();
inline constexpr core::CommitSeq kFilledCommits = 60;

void copy_directory(const std::filesystem::path& from, const std::filesystem::path& to);

// Calls `work` for 0 to `count` - 1 from several threads and gives the results in order. RocksDB
// waits a second after each error in the background, so these wait at the same time.
template <class Work>
auto in_parallel(std::size_t count, Work&& work) {
  allow_background_threads();
  std::vector<decltype(work(std::size_t{0}))> results(count);
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < kParallel; ++thread) {
    threads.emplace_back([&] {
      for (std::size_t i = next++; i < count; i = next++) results[i] = work(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return results;
}

}  // namespace pawl::test
