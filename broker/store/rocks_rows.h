#pragma once

#include <memory>
#include <string>
#include <vector>

#include <rocksdb/db.h>

#include "broker/core/changes.h"

namespace pawl::store {

// Walks the ranges of one question that lie in one table. Ranges come in any order; ascending ones
// share an iterator that walks on instead of looking for its place again.
class RocksRows {
 public:
  RocksRows(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* column, const rocksdb::Snapshot* snapshot,
            core::Table table);

  // No range that is walked goes further than the furthest of those that were announced.
  void announce(const std::string& to);

  // Goes to the first row at or after `from`; both on disk's terms.
  void seek(const std::string& from, const std::string& to);
  void next();

  bool at_row() const;
  rocksdb::Slice key() const { return at_->key(); }
  rocksdb::Slice value() const { return at_->value(); }
  rocksdb::Status status() const { return at_ ? at_->status() : rocksdb::Status::OK(); }

 private:
  bool within_one_id(const std::string& from, const std::string& to) const;
  bool walk_to(const std::string& from);
  std::unique_ptr<rocksdb::Iterator> make(bool by_filter);

  rocksdb::DB& db_;
  rocksdb::ColumnFamilyHandle* column_;
  const rocksdb::Snapshot* snapshot_;
  core::Table table_;
  std::string furthest_;
  rocksdb::Slice bound_;

  std::unique_ptr<rocksdb::Iterator> ordered_;  // Sees every row.
  std::unique_ptr<rocksdb::Iterator>
      filtered_;  // Sees the rows of one id, and asks the filters for it.
  rocksdb::Iterator* at_ = nullptr;
  std::string to_;
  std::string ordered_to_;  // Every row before it and after the last seek was passed by `ordered_`.
  bool found_ = false;      // The last range had a row: the next will probably have one too.
};

}  // namespace pawl::store
