#pragma once

#include <filesystem>

namespace pawl::store {

// One broker per data directory. Held until destruction; the kernel lets go of it when the process
// ends.
class DirectoryLock {
 public:
  // Throws std::runtime_error that names the directory and, where known, the holder's process.
  explicit DirectoryLock(const std::filesystem::path& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int file_ = -1;
};

}  // namespace pawl::store
