#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string_view>

namespace pawl::store {

// How much of which MANIFEST is on disk.
struct ManifestMark {
  std::uint64_t number = 0;
  std::uint64_t bytes = 0;
};
// Of a file's name; 0 when it is no MANIFEST.
std::uint64_t manifest_number(std::string_view name);

// What is on disk, with everything before it.
struct Synced {
  std::uint64_t operation = 0;  // RocksDB's number of it.
  std::uint64_t commits = 0;    // How many there were, acquires and all shards' together.
  ManifestMark manifest;
};

// A small file beside the database that tells how far it was on disk. The mark itself is not
// synced: after a power cut it may be old, but what it says was true. So a log or a MANIFEST that
// has lost its end is told from one that never had it, unless the power was cut within seconds.
// Thread-safe.
class SyncMark {
 public:
  // Throws std::runtime_error when the file cannot be had.
  explicit SyncMark(std::filesystem::path file);
  ~SyncMark();
  SyncMark(const SyncMark&) = delete;
  SyncMark& operator=(const SyncMark&) = delete;

  const std::filesystem::path& path() const { return path_; }

  // Zeros when nothing is known.
  Synced load() const { return read(path_); }
  // The same for those who must not make the file.
  static Synced read(const std::filesystem::path& file);
  void store(std::uint64_t operation, std::uint64_t commits);
  void store(const ManifestMark& manifest);

 private:
  void write() const;

  const std::filesystem::path path_;
  const int file_;
  std::mutex mutex_;
  Synced synced_;
};

}  // namespace pawl::store
