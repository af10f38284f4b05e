#pragma once

#include <cstdint>
#include <filesystem>

namespace pawl::store {

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

  // RocksDB's number of an operation that is on disk with everything before it; 0 when nothing is
  // known.
  std::uint64_t load() const;
  void store(std::uint64_t synced) const;

 private:
  const std::filesystem::path path_;
  const int file_;
};

}  // namespace pawl::store
