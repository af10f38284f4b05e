#pragma once

#include <cstddef>
#include <filesystem>

namespace pawl::bench {

// What the disk itself can do: 4 KiB appended and synced by fdatasync, one after the other.
struct DiskFigures {
  double sync_p50_us = 0;
  double sync_p99_us = 0;
  double syncs_per_s = 0;
};
DiskFigures measure_disk(const std::filesystem::path& directory, std::size_t syncs);

// Makes the next reader of any file under `directory` go to the disk.
void drop_pages(const std::filesystem::path& directory);

}  // namespace pawl::bench
