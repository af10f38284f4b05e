#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace pawl::store {

struct DamagedTable {
  std::filesystem::path file;
  std::string why;
};

// Which of RocksDB's table files in the data directory do not hold what was written. For one that
// cannot be opened: RocksDB then names a single file, and not always the damaged one.
std::vector<DamagedTable> damaged_tables(const std::filesystem::path& directory);

}  // namespace pawl::store
