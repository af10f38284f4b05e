#include "broker/store/damaged_tables.h"

#include <algorithm>

#include <rocksdb/sst_file_reader.h>

namespace pawl::store {

namespace fs = std::filesystem;

std::vector<DamagedTable> damaged_tables(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code unreadable;
  for (const auto& entry : fs::directory_iterator(directory / "db", unreadable)) {
    if (entry.path().extension() == ".sst") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::vector<DamagedTable> damaged;
  for (const fs::path& file : files) {
    rocksdb::SstFileReader reader{rocksdb::Options()};
    rocksdb::Status status = reader.Open(file.string());
    if (status.ok()) status = reader.VerifyChecksum();
    if (!status.ok()) damaged.push_back({file, status.ToString()});
  }
  return damaged;
}

}  // namespace pawl::store
