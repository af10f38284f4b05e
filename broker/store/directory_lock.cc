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

}  // namespace

DirectoryLock::DirectoryLock(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "lock";
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file_ < 0) {
    throw std::runtime_error(
        fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
  }
  if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    const std::string holder = holder_of(file_);
    ::close(file_);
    throw std::runtime_error(
        error == EWOULDBLOCK
            ? fmt::format("the data directory {} is in use by another broker{}", directory.string(),
                          holder)
            : fmt::format("cannot lock {}: {}", path.string(), std::strerror(error)));
  }
  leave_pid(file_);
}

DirectoryLock::~DirectoryLock() {
  ::close(file_);
}

}  // namespace pawl::store
