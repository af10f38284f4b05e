#include "broker/store/reserve.h"

#include <algorithm>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

namespace pawl::store {

namespace {

// Of the whole disk, so that a small one is not mostly reserve.
constexpr std::uint64_t kShareOfDisk = 64;
// Room must have returned for good before the file is made again: else it would come and go.
constexpr std::uint64_t kPlenty = 4;

}  // namespace

Space Reserve::settle() {
  const std::lock_guard lock(mutex_);
  Space space = options_.space();
  const std::uint64_t bytes = size_for(space);
  const std::uint64_t holds = held();
  if (holds != 0 && space.free_bytes < bytes) {
    give_up(space);
    space = options_.space();
  } else if (holds < bytes && space.free_bytes >= bytes * kPlenty) {
    make(bytes);
    space = options_.space();
  }
  return space;
}

std::uint64_t Reserve::size_for(const Space& space) const {
  return std::min<std::uint64_t>(options_.bytes, space.total_bytes / kShareOfDisk);
}

std::uint64_t Reserve::held() const {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(options_.file, error);
  return error ? 0 : size;
}

void Reserve::give_up(const Space& space) {
  std::error_code error;
  std::filesystem::remove(options_.file, error);
  options_.note(fmt::format("{} MiB left on the disk: gave up the reserve {}",
                            space.free_bytes >> 20, options_.file.string()));
}

void Reserve::make(std::uint64_t bytes) {
  const int file = ::open(options_.file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return;
  const int error = ::posix_fallocate(file, 0, static_cast<off_t>(bytes));
  ::close(file);
  std::error_code ignored;
  if (error != 0) std::filesystem::remove(options_.file, ignored);
}

}  // namespace pawl::store
