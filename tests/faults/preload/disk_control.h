#pragma once

// What a test and the library that it has preloaded into a program share: a mapped file.

#include <atomic>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <system_error>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/stat.h>

namespace pawl::test {

inline constexpr const char* kFaultDirectory = "PAWL_FAULT_DIR";  // The files below it.
inline constexpr const char* kFaultControl = "PAWL_FAULT_CONTROL";

// All zeros is a disk without faults.
struct DiskControl {
  // Of the disk that the directory seems to be on; 0: the real one.
  std::atomic<std::uint64_t> total_bytes;
  std::atomic<std::uint64_t> capacity_bytes;  // What the directory may take of it.
  // The n-th sync from now on fails; 0: none does.
  std::atomic<std::uint32_t> fail_sync;
  char fail_sync_of[16];  // Only files with this in their names count. Set before fail_sync.

  std::atomic<std::uint32_t> failed_syncs;
  std::atomic<std::uint32_t> refused_writes;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

// The file is made when it is missing. Throws std::system_error.
inline DiskControl& map_control(const char* path) {
  const int file = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  void* memory = MAP_FAILED;
  if (file >= 0 && ::ftruncate(file, sizeof(DiskControl)) == 0) {
    memory = ::mmap(nullptr, sizeof(DiskControl), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  }
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), path);
  ::close(file);
  return *static_cast<DiskControl*>(memory);
}

// What the files of a directory take on the disk, also when somebody adds and removes some.
inline std::uint64_t bytes_taken(const std::filesystem::path& directory) {
  std::uint64_t bytes = 0;
  std::error_code error;
  std::filesystem::recursive_directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::end(entry); entry.increment(error)) {
    struct stat file {};
    if (::lstat(entry->path().c_str(), &file) == 0 && S_ISREG(file.st_mode)) {
      bytes += static_cast<std::uint64_t>(file.st_blocks) * 512;
    }
  }
  return bytes;
}

}  // namespace pawl::test
