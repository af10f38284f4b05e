// Preloaded into a program, puts a disk that fails or is full below the files of one directory.
// For programs of 64 bits: the calls that have a second name elsewhere are taken by their first.
// What stdio writes is counted once it is there, and never refused.

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/uio.h>

#include "tests/faults/preload/disk_control.h"

namespace pawl::test {
namespace {

constexpr std::uint64_t kBlock = 4096;

std::uint64_t whole_blocks(std::uint64_t bytes) {
  return (bytes + kBlock - 1) / kBlock * kBlock;
}

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

class Disk {
 public:
  static Disk& get() {
    static Disk disk;
    return disk;
  }

  bool holds(std::string_view path) const {
    return control_ != nullptr && path.starts_with(directory_) &&
           (path.size() == directory_.size() || path[directory_.size()] == '/');
  }
  bool holds(int file) const { return holds(path_of(file)); }
  // Whether its size is ours to tell.
  bool is_bounded() const { return control_ != nullptr && control_->total_bytes != 0; }

  // 0, or -1 with errno. What a sync that fails should have written is lost; so a program that
  // goes on as if nothing had happened does not find it later.
  template <class Sync>
  int sync(int file, const Sync& real) {
    const std::string path = path_of(file);
    if (!holds(path)) return real();
    const std::lock_guard lock(mutex_);
    struct stat now {};
    ::fstat(file, &now);
    off_t& synced = synced_[now.st_ino];
    if (is_to_fail(path.substr(path.rfind('/') + 1))) {
      if (synced < now.st_size) cut_off(file, synced);
      ++control_->failed_syncs;
      return errno = EIO, -1;
    }
    const int result = real();
    if (result == 0) synced = now.st_size;
    return result;
  }

  // `at` below zero: where the file stands. `real` writes so many of the bytes.
  template <class Write>
  ssize_t write(int file, off_t at, std::size_t bytes, const Write& real) {
    if (!is_bounded() || !holds(file)) return real(bytes);
    const std::lock_guard lock(mutex_);
    if (at < 0) at = place_of(file);
    const std::uint64_t end = within_room(file, at) - static_cast<std::uint64_t>(at);
    if (end == 0 && bytes != 0) {
      ++control_->refused_writes;
      return errno = ENOSPC, -1;
    }
    return real(std::min<std::uint64_t>(bytes, end));
  }

  // 0 or the error.
  template <class Allocate>
  int allocate(int file, off_t at, off_t bytes, const Allocate& real) {
    if (!is_bounded() || !holds(file)) return real();
    const std::lock_guard lock(mutex_);
    if (static_cast<std::uint64_t>(at + bytes) > within_room(file, at)) return ENOSPC;
    return real();
  }

  // Into what statfs() or statvfs() has told of the real disk.
  template <class Stat>
  void tell_space(Stat& stat, std::uint64_t block) const {
    if (!is_bounded()) return;
    stat.f_blocks = control_->total_bytes / block;
    stat.f_bfree = stat.f_bavail = room() / block;
  }

 private:
  Disk() {
    const char* directory = std::getenv(kFaultDirectory);
    const char* control = std::getenv(kFaultControl);
    if (directory == nullptr || control == nullptr) return;
    directory_ = directory;
    control_ = &map_control(control);
  }

  static std::string path_of(int file) {
    const std::string link = "/proc/self/fd/" + std::to_string(file);
    char path[4096];
    const ssize_t size = ::readlink(link.c_str(), path, sizeof path);
    return {path, size < 0 ? 0 : static_cast<std::size_t>(size)};
  }

  static void cut_off(int file, off_t size) {
    // A directory cannot be cut off, and nothing else has to be.
    [[maybe_unused]] const int result = ::ftruncate(file, size);
  }

  static off_t place_of(int file) {
    const bool appends = (::fcntl(file, F_GETFL) & O_APPEND) != 0;
    struct stat now {};
    if (appends && ::fstat(file, &now) == 0) return now.st_size;
    return std::max<off_t>(::lseek(file, 0, SEEK_CUR), 0);
  }

  bool is_to_fail(const std::string& name) {
    if (control_->fail_sync == 0 || name.find(control_->fail_sync_of) == std::string::npos) {
      return false;
    }
    return --control_->fail_sync == 0;
  }

  std::uint64_t room() const {
    const std::uint64_t taken = bytes_taken(directory_);
    const std::uint64_t capacity = control_->capacity_bytes;
    return capacity > taken ? capacity - taken : 0;
  }

  // How far the file can be written from there: over what it has, and on as long as there is room.
  std::uint64_t within_room(int file, off_t at) const {
    struct stat now {};
    ::fstat(file, &now);
    const std::uint64_t has =
        std::max(whole_blocks(static_cast<std::uint64_t>(now.st_size)),
                 static_cast<std::uint64_t>(now.st_blocks) * 512 / kBlock * kBlock);
    return std::max(has, static_cast<std::uint64_t>(at)) + room() / kBlock * kBlock;
  }

  std::string directory_;
  DiskControl* control_ = nullptr;
  std::mutex mutex_;
  std::map<ino_t, off_t> synced_;
};

}  // namespace
}  // namespace pawl::test

using pawl::test::Disk;

// NOLINTBEGIN: the names are the C library's.
extern "C" {

int fsync(int file) {
  static const auto real = pawl::test::next<int (*)(int)>("fsync");
  return Disk::get().sync(file, [&] { return real(file); });
}

int fdatasync(int file) {
  static const auto real = pawl::test::next<int (*)(int)>("fdatasync");
  return Disk::get().sync(file, [&] { return real(file); });
}

int sync_file_range(int file, off64_t at, off64_t bytes, unsigned flags) {
  using Function = int (*)(int, off64_t, off64_t, unsigned);
  static const auto real = pawl::test::next<Function>("sync_file_range");
  if (flags == 0) return real(file, at, bytes, flags);  // Only asks whether there is such a call.
  return Disk::get().sync(file, [&] { return real(file, at, bytes, flags); });
}

ssize_t write(int file, const void* bytes, size_t size) {
  static const auto real = pawl::test::next<ssize_t (*)(int, const void*, size_t)>("write");
  return Disk::get().write(file, -1, size, [&](size_t fits) { return real(file, bytes, fits); });
}

ssize_t pwrite(int file, const void* bytes, size_t size, off_t at) {
  using Function = ssize_t (*)(int, const void*, size_t, off_t);
  static const auto real = pawl::test::next<Function>("pwrite");
  return Disk::get().write(file, at, size,
                           [&](size_t fits) { return real(file, bytes, fits, at); });
}

// All or nothing, which the system may do too.
ssize_t writev(int file, const iovec* parts, int count) {
  static const auto real = pawl::test::next<ssize_t (*)(int, const iovec*, int)>("writev");
  size_t size = 0;
  for (int i = 0; i < count; ++i) size += parts[i].iov_len;
  return Disk::get().write(file, -1, size, [&](size_t fits) -> ssize_t {
    if (fits < size) return errno = ENOSPC, -1;
    return real(file, parts, count);
  });
}

int fallocate(int file, int mode, off_t at, off_t bytes) {
  static const auto real = pawl::test::next<int (*)(int, int, off_t, off_t)>("fallocate");
  const int error = Disk::get().allocate(
      file, at, bytes, [&] { return real(file, mode, at, bytes) == 0 ? 0 : errno; });
  return error == 0 ? 0 : (errno = error, -1);
}

int posix_fallocate(int file, off_t at, off_t bytes) {
  static const auto real = pawl::test::next<int (*)(int, off_t, off_t)>("posix_fallocate");
  return Disk::get().allocate(file, at, bytes, [&] { return real(file, at, bytes); });
}

int statvfs(const char* path, struct statvfs* stat) {
  static const auto real = pawl::test::next<int (*)(const char*, struct statvfs*)>("statvfs");
  const int result = real(path, stat);
  if (result == 0 && Disk::get().holds(path)) Disk::get().tell_space(*stat, stat->f_frsize);
  return result;
}

int fstatvfs(int file, struct statvfs* stat) {
  static const auto real = pawl::test::next<int (*)(int, struct statvfs*)>("fstatvfs");
  const int result = real(file, stat);
  if (result == 0 && Disk::get().holds(file)) Disk::get().tell_space(*stat, stat->f_frsize);
  return result;
}

int statfs(const char* path, struct statfs* stat) {
  static const auto real = pawl::test::next<int (*)(const char*, struct statfs*)>("statfs");
  const int result = real(path, stat);
  if (result == 0 && Disk::get().holds(path)) {
    Disk::get().tell_space(*stat, static_cast<std::uint64_t>(stat->f_bsize));
  }
  return result;
}

}  // extern "C"
// NOLINTEND
