#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "broker/core/blob.h"
#include "broker/core/changes.h"
#include "broker/store/store.h"

namespace rocksdb {
class DB;
class ColumnFamilyHandle;
}  // namespace rocksdb

namespace pawl::store {

// The rows of a stopped RocksStore, for those who only look: nothing is written, so a disk that is
// full or mounted for reading will do, and what only the logs hold is read from there.
class RocksReader {
 public:
  struct Visitor {
    // The key is without any prefix of the store's own, and `value` is the caller's to keep.
    std::function<void(std::string_view key, const core::Blob& value)> row;
    // In the place of a row whose value cannot be read, but whose key can.
    std::function<void(std::string_view key, const std::string& why)> unreadable;
  };

  // Throws std::runtime_error with a sentence for people when the files are damaged, something that
  // was acknowledged is not there, or the format is newer. REQUIRES: no broker runs on the
  // directory, which the caller has locked if it can.
  explicit RocksReader(std::filesystem::path directory);
  ~RocksReader();
  RocksReader(const RocksReader&) = delete;
  RocksReader& operator=(const RocksReader&) = delete;

  // All rows in the order of their keys, but for those that have expired. Throws std::runtime_error
  // when a table cannot be read to its end; it names the file.
  void each(core::ShardId shard, core::Table table, const Visitor& visitor) const;

 private:
  struct Parts;

  void open();
  void check(const std::string& cut_off) const;
  Owner owner_of(core::ShardId shard) const;

  const std::filesystem::path directory_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace pawl::store
