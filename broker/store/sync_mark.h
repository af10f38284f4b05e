#pragma once

#include <cstdint>
#include <filesystem>

namespace pawl::store {

// What is on disk, with everything before it.
struct Synced {
  std::uint64_t operation = 0;  // RocksDB's number of it.
  std::uint64_t commits = 0;    // How many there were, acquires and all shards' together.
};

// A small file beside the database that tells how far it was on disk. The mark itself is not
// synced: after a power cut it may be old, but what it says was true. So a log that has lost its
// end is told from one that never had it, unless the power was cut within seconds.
class SyncMark {
 public:
  // Throws std::runtime_error when the file cannot be had.
  explicit SyncMark(std::filesystem::path file);
  ~SyncMark();
  SyncMark(const SyncMark&) = delete;
  SyncMark& operator=(const SyncMark&) = delete;

  const std::filesystem::path& path() const { return path_; }

  // Zeros when nothing is known.
  Synced load() const;
  // The same for those who must not make the file.
  static Synced read(const std::filesystem::path& file);
  void store(const Synced& synced) const;

 private:
  const std::filesystem::path path_;
  const int file_;
};

}  // namespace pawl::store
