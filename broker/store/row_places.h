#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <rocksdb/db.h>

namespace pawl::store {

// Where the rows of one table stand, for those whose value cannot be read: RocksDB's iterator then
// tells neither the key nor the file. Looks at the table files alone, so what is only logged is not
// seen.
class RowPlaces {
 public:
  struct Place {
    std::string key;
    std::string blob_file;  // Empty: the value is no blob, or not of a file that is known.
  };

  // REQUIRES: `db` and `column` outlive it, and nothing is written meanwhile that matters.
  RowPlaces(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* column);
  ~RowPlaces();

  // The first row at or after `from`, erased ones too; nothing when there is none, or when the
  // table files themselves cannot be read. `from` never goes back.
  std::optional<Place> first(const std::string& from);

 private:
  struct File;
  std::string blob_file_of(std::string_view index) const;

  std::vector<File> files_;  // By their smallest key.
  std::vector<std::pair<std::uint64_t, std::string>> blobs_;
};

}  // namespace pawl::store
