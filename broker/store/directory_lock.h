#pragma once

#include <filesystem>

namespace pawl::store {

// One broker per data directory. Held until destruction; the kernel lets go of it when the process
// ends.
class DirectoryLock {
 public:
  // Throws std::runtime_error that names the directory and, where known, the holder's process.
  explicit DirectoryLock(const std::filesystem::path& directory);
  // For those who only look: keeps brokers away, lets others look too, and writes nothing. Where
  // there is no lock file no broker runs, and nothing is held.
  static DirectoryLock for_reading(const std::filesystem::path& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  explicit DirectoryLock(int file) : file_(file) {}
  int file_ = -1;
};

}  // namespace pawl::store
