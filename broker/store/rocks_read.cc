#include "broker/store/rocks_read.h"

#include <fmt/format.h>

#include "broker/store/rocks_codec.h"
#include "broker/store/row_places.h"

namespace pawl::store {

RocksRead::RocksRead(rocksdb::DB& db, const std::vector<rocksdb::ColumnFamilyHandle*>& columns,
                     const std::string& prefix)
    : db_(db), columns_(columns), prefix_(prefix), snapshot_(&db) {}

ReadResult RocksRead::answer(const std::string& owner_key, const core::Read& read) {
  why_ = learn_as_of(owner_key);
  if (!why_.empty()) return {false, why_, {}};
  announce(read);
  AnswerRows rows(read);
  for (std::uint32_t i = 0; i < read.ranges.size(); ++i) {
    const Walk walked = walk(i, read.ranges[i], rows);
    if (walked == Walk::failed) return {false, why_, {}};
    if (walked == Walk::full) break;
  }
  return {true, {}, rows.take(as_of_.last)};
}

// The owner's record is read through the same snapshot as the rows, so it tells exactly what they
// contain.
std::string RocksRead::learn_as_of(const std::string& owner_key) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_.snapshot();
  std::string stored;
  const rocksdb::Status status = db_.Get(options, columns_.back(), owner_key, &stored);
  if (status.IsNotFound()) return {};
  if (!status.ok()) return status.ToString();
  const auto record = codec::decode_owner(stored);
  if (!record) return "the owner's record cannot be read";
  as_of_ = record->owner;
  return {};
}

void RocksRead::announce(const core::Read& read) {
  for (const core::Range& range : read.ranges) {
    const auto number = static_cast<std::size_t>(range.table);
    std::optional<RocksRows>& rows = tables_[number];
    if (!rows) rows.emplace(db_, columns_[number], snapshot_.snapshot(), range.table);
    rows->announce(prefix_ + range.to);
  }
}

RocksRead::Walk RocksRead::walk(std::uint32_t index, const core::Range& range, AnswerRows& rows) {
  RocksRows& table = *tables_[static_cast<std::size_t>(range.table)];
  from_.assign(prefix_).append(range.from);
  to_.assign(prefix_).append(range.to);
  for (table.seek(from_, to_); table.at_row(); table.next()) {
    const auto value = codec::decode_value(table.value().ToStringView());
    if (!value) {
      failure_ = Failure::damage;
      why_ = fmt::format("a row of table {} cannot be read", core::to_string(range.table));
      return Walk::failed;
    }
    const std::string_view key = table.key().ToStringView().substr(codec::kShardBytes);
    if (!value->expired(as_of_.at) && !rows.add(index, key, value->bytes)) return Walk::full;
  }
  if (table.status().ok()) return Walk::ended;
  learn_failure(table.status(), range.table);
  return Walk::failed;
}

// Of a blob RocksDB says only that one is damaged, not in which file.
void RocksRead::learn_failure(const rocksdb::Status& status, core::Table table) {
  why_ = fmt::format("table {}: {}", core::to_string(table), status.ToString());
  if (!status.IsCorruption()) return;
  failure_ = Failure::damage;
  rocksdb::ColumnFamilyHandle* column = columns_[static_cast<std::size_t>(table)];
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_.snapshot();
  RowPlaces places(db_, column);
  while (const auto place = places.first(from_)) {
    if (place->key >= to_) return;
    std::string value;
    if (!place->blob_file.empty() && db_.Get(options, column, place->key, &value).IsCorruption()) {
      why_ += fmt::format(", in {}", place->blob_file);
      return;
    }
    from_.assign(place->key).push_back('\0');
  }
}

}  // namespace pawl::store
