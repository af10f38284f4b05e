#include "bench/disk.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <system_error>
#include <unistd.h>

#include "bench/clock.h"
#include "bench/connection.h"
#include "bench/histogram.h"
#include "bench/random.h"

namespace pawl::bench {
namespace {

Descriptor open_file(const std::filesystem::path& file, int flags) {
  Descriptor descriptor(::open(file.c_str(), flags | O_CLOEXEC, 0644));
  if (descriptor.number() < 0) {
    throw std::system_error(errno, std::generic_category(), file.string());
  }
  return descriptor;
}

}  // namespace

DiskFigures measure_disk(const std::filesystem::path& directory, std::size_t syncs) {
  const std::filesystem::path file = directory / ("sync-probe." + std::to_string(::getpid()));
  const Descriptor probe = open_file(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
  std::array<char, 4096> block;
  RandomBytes(1).fill(block.data(), block.size());
  Histogram times;
  const auto began = Clock::now();
  for (std::size_t i = 0; i < syncs; ++i) {
    const auto before = Clock::now();
    if (::write(probe.number(), block.data(), block.size()) < 0 ||
        ::fdatasync(probe.number()) != 0) {
      throw std::system_error(errno, std::generic_category(), file.string());
    }
    times.record(stamp_of(Clock::now()) - stamp_of(before));
  }
  const double seconds = seconds_between(began, Clock::now());
  std::filesystem::remove(file);
  return {.sync_p50_us = static_cast<double>(times.quantile(0.5)) / 1e3,
          .sync_p99_us = static_cast<double>(times.quantile(0.99)) / 1e3,
          .syncs_per_s = static_cast<double>(syncs) / seconds};
}

void drop_pages(const std::filesystem::path& directory) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    const Descriptor file = open_file(entry.path(), O_RDONLY);
    ::fdatasync(file.number());  // Only clean pages can be dropped.
    ::posix_fadvise(file.number(), 0, 0, POSIX_FADV_DONTNEED);
  }
}

}  // namespace pawl::bench
