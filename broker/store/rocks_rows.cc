#include "broker/store/rocks_rows.h"

#include <algorithm>

#include "broker/store/rocks_tuning.h"

namespace pawl::store {

namespace {

// Steps that cost less than looking for a place anew.
constexpr int kStepsMax = 4;

}  // namespace

RocksRows::RocksRows(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* column,
                     const rocksdb::Snapshot* snapshot, core::Table table)
    : db_(db), column_(column), snapshot_(snapshot), table_(table) {}

void RocksRows::announce(const std::string& to) {
  furthest_ = std::max(furthest_, to);
  bound_ = furthest_;
}

std::unique_ptr<rocksdb::Iterator> RocksRows::make(bool by_filter) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  options.total_order_seek = !by_filter;
  options.iterate_upper_bound = &bound_;
  options.adaptive_readahead = true;
  // There are none. Looking for them, RocksDB 7.8 swallows an error that it meets on its way into
  // the next file of a level (MergingIterator::SkipNextDeleted), and all rows from there on.
  options.ignore_range_deletions = true;
  return std::unique_ptr<rocksdb::Iterator>(db_.NewIterator(options, column_));
}

// `to` may be the first key of the next id.
bool RocksRows::within_one_id(const std::string& from, const std::string& to) const {
  if (!keyed_by_id(table_) || from.size() < kIdFilterBytes || to.size() < kIdFilterBytes) {
    return false;
  }
  if (from.compare(0, kIdFilterBytes, to, 0, kIdFilterBytes) == 0) return true;
  std::string next = from.substr(0, kIdFilterBytes);
  for (auto byte = next.rbegin(); byte != next.rend(); ++byte) {
    *byte = static_cast<char>(static_cast<unsigned char>(*byte) + 1);
    if (*byte != 0) break;
  }
  return to.compare(0, kIdFilterBytes, next) == 0 &&
         to.find_first_not_of('\0', kIdFilterBytes) == std::string::npos;
}

bool RocksRows::walk_to(const std::string& from) {
  if (!ordered_ || ordered_to_.empty() || from < ordered_to_) return false;
  for (int step = 0; step < kStepsMax; ++step) {
    if (!ordered_->Valid()) return ordered_->status().ok();
    if (ordered_->key().compare(from) >= 0) return true;
    ordered_->Next();
  }
  return false;
}

void RocksRows::seek(const std::string& from, const std::string& to) {
  to_ = to;
  if (!found_ && within_one_id(from, to)) {
    if (!filtered_) filtered_ = make(true);
    at_ = filtered_.get();
    at_->Seek(from);
  } else {
    if (!ordered_) ordered_ = make(false);
    at_ = ordered_.get();
    if (!walk_to(from)) at_->Seek(from);
    ordered_to_ = to;
  }
  found_ = at_row();
}

void RocksRows::next() {
  at_->Next();
}

bool RocksRows::at_row() const {
  return at_->Valid() && at_->key().compare(to_) < 0;
}

}  // namespace pawl::store
