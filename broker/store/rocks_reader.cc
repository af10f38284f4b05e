#include "broker/store/rocks_reader.h"

#include <cstdarg>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include "broker/store/live_logs.h"
#include "broker/store/log_audit.h"
#include "broker/store/rocks_checks.h"
#include "broker/store/rocks_codec.h"
#include "broker/store/rocks_tuning.h"
#include "broker/store/row_places.h"
#include "broker/store/sync_mark.h"

namespace pawl::store {

namespace {

namespace fs = std::filesystem;

// RocksDB would keep a log file in the directory.
class Silence final : public rocksdb::Logger {
 public:
  using Logger::Logv;
  void Logv(const char*, std::va_list) override {}
};

rocksdb::DBOptions reading_options() {
  rocksdb::DBOptions database;
  database.info_log = std::make_shared<Silence>();
  database.paranoid_checks = true;
  database.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  database.track_and_verify_wals_in_manifest = true;
  database.max_open_files = 1024;
  database.max_file_opening_threads = 2;
  database.stats_dump_period_sec = 0;
  database.stats_persist_period_sec = 0;
  return database;
}

rocksdb::ReadOptions every_row() {
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  options.ignore_range_deletions = true;  // As RocksRows does, for the same reason.
  options.fill_cache = false;
  options.adaptive_readahead = true;
  return options;
}

}  // namespace

struct RocksReader::Parts {
  ~Parts() {
    for (rocksdb::ColumnFamilyHandle* column : columns) db->DestroyColumnFamilyHandle(column);
  }

  RocksOptions options;
  RocksParts shared;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> columns;  // By table; the store's own is the last.
};

RocksReader::RocksReader(fs::path directory)
    : directory_(std::move(directory)), parts_(std::make_unique<Parts>()) {
  open();
}

RocksReader::~RocksReader() = default;

void RocksReader::open() {
  const std::string path = (directory_ / "db").string();
  check_current(path);
  check_manifest(path, SyncMark::read(directory_ / "synced").manifest);
  rocksdb::DBOptions options = reading_options();
  std::string cut_off;
  for (const TornTail& tail : audit_logs(path, SyncMark::read(directory_ / "synced").operation)) {
    // The broker would cut them off. Read over them instead: that they may go is known.
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    cut_off = fmt::format("{} ends in an unfinished write", tail.log.string());
  }
  check_tables_known(directory_, rocksdb::Env::Default());
  parts_->shared.cache = make_cache(parts_->options);
  std::vector<rocksdb::ColumnFamilyDescriptor> columns;
  for (std::size_t i = 0; i < core::kTableCount; ++i) {
    const auto table = static_cast<core::Table>(i);
    columns.emplace_back(std::string(to_string(table)),
                         column_options(table, parts_->options, parts_->shared));
  }
  columns.emplace_back(rocksdb::kDefaultColumnFamilyName,
                       own_column_options(parts_->options, parts_->shared));
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::OpenForReadOnly(options, path, columns, &parts_->columns, &db);
  if (!status.ok()) throw std::runtime_error(cannot_open(directory_, status));
  parts_->db.reset(db);
  check(cut_off);
}

void RocksReader::check(const std::string& cut_off) const {
  rocksdb::ColumnFamilyHandle* own = parts_->columns.back();
  std::string format;
  const rocksdb::Status status =
      parts_->db->Get({}, own, rocksdb::Slice(codec::kFormatKey), &format);
  if (!status.ok()) throw std::runtime_error(cannot_open(directory_, status));
  check_format(directory_, format);
  check_nothing_lost(directory_,
                     {.operation = parts_->db->GetLatestSequenceNumber(),
                      .commits = count_commits(directory_, *parts_->db, own),
                      .manifest = {}},
                     SyncMark::read(directory_ / "synced"), cut_off);
}

Owner RocksReader::owner_of(core::ShardId shard) const {
  std::string stored;
  const rocksdb::Status status =
      parts_->db->Get({}, parts_->columns.back(), codec::owner_key(shard), &stored);
  if (status.IsNotFound()) return {};
  if (!status.ok()) throw std::runtime_error(status.ToString());
  const auto record = codec::decode_owner(stored);
  if (!record) throw std::runtime_error("the owner's record cannot be read");
  return record->owner;
}

void RocksReader::each(core::ShardId shard, core::Table table, const Visitor& visitor) const {
  const Owner owner = owner_of(shard);
  const std::string prefix = codec::shard_prefix(shard);
  rocksdb::ColumnFamilyHandle* column = parts_->columns[static_cast<std::size_t>(table)];
  const std::unique_ptr<rocksdb::Iterator> rows(parts_->db->NewIterator(every_row(), column));
  std::optional<RowPlaces> places;
  std::string from = prefix;  // The next row is at or after it.
  rows->Seek(from);
  for (;;) {
    for (; rows->Valid() && rows->key().starts_with(prefix); rows->Next()) {
      const std::string_view key = rows->key().ToStringView().substr(prefix.size());
      const auto value = codec::decode_value(rows->value().ToStringView());
      if (!value) {
        visitor.unreadable(key, "its value is none of ours");
      } else if (!value->expired(owner.at)) {
        visitor.row(key, core::Blob::copy_of(value->bytes));
      }
      from.assign(rows->key().data(), rows->key().size()).push_back('\0');
    }
    if (rows->status().ok()) return;
    if (!places) places.emplace(*parts_->db, column);
    const auto place = places->first(from);
    const bool in_blob = place && !place->blob_file.empty() && place->key.starts_with(prefix);
    if (!in_blob) throw std::runtime_error(rows->status().ToString());
    std::string unused;
    const rocksdb::Status status = parts_->db->Get({}, column, place->key, &unused);
    if (!status.ok() && !status.IsNotFound()) {
      visitor.unreadable(std::string_view(place->key).substr(prefix.size()),
                         fmt::format("{}, in {}", status.ToString(), place->blob_file));
    }
    from.assign(place->key).push_back('\0');
    rows->Seek(from);
  }
}

}  // namespace pawl::store
