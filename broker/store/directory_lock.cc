#include "broker/store/directory_lock.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/file.h>

namespace pawl::store {

namespace {

std::string holder_of(int file) {
  char text[32] = {};
  const ssize_t size = ::pread(file, text, sizeof text - 1, 0);
  if (size <= 0) return {};
  return fmt::format(" (process {})", std::string_view(text, std::strcspn(text, "\n")));
}

void leave_pid(int file) {
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(file, 0) != 0) return;
  // Only for the message to a second broker: the lock holds without it.
  [[maybe_unused]] const ssize_t written = ::pwrite(file, pid.data(), pid.size(), 0);
}

std::filesystem::path path_in(const std::filesystem::path& directory) {
  return directory / "lock";
}

int open_file(const std::filesystem::path& directory, int flags) {
  return ::open(path_in(directory).c_str(), flags | O_CLOEXEC, 0600);
}

[[noreturn]] void fail(const std::filesystem::path& directory, std::string_view what) {
  throw std::runtime_error(
      fmt::format("cannot {} {}: {}", what, path_in(directory).string(), std::strerror(errno)));
}

// Somebody else has it: a broker alone, or those who look.
[[noreturn]] void refuse(const std::filesystem::path& directory, int file) {
  const int error = errno;
  const bool looked_at = ::flock(file, LOCK_SH | LOCK_NB) == 0;
  const std::string holder = holder_of(file);
  ::close(file);
  errno = error;
  if (error != EWOULDBLOCK) fail(directory, "lock");
  throw std::runtime_error(
      looked_at ? fmt::format("the data directory {} is being read by pawld inspect or fsck",
                              directory.string())
                : fmt::format("the data directory {} is in use by another broker{}",
                              directory.string(), holder));
}

}  // namespace

DirectoryLock::DirectoryLock(const std::filesystem::path& directory)
    : file_(open_file(directory, O_RDWR | O_CREAT)) {
  if (file_ < 0) fail(directory, "open");
  if (::flock(file_, LOCK_EX | LOCK_NB) != 0) refuse(directory, file_);
  leave_pid(file_);
}

DirectoryLock DirectoryLock::for_reading(const std::filesystem::path& directory) {
  const int file = open_file(directory, O_RDONLY);
  if (file < 0 && errno != ENOENT) fail(directory, "open");
  if (file >= 0 && ::flock(file, LOCK_SH | LOCK_NB) != 0) refuse(directory, file);
  return DirectoryLock(file);
}

DirectoryLock::~DirectoryLock() {
  if (file_ >= 0) ::close(file_);
}

}  // namespace pawl::store
