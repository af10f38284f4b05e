#include "broker/store/rocks_checks.h"

#include <memory>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>

#include "broker/core/bytes_io.h"
#include "broker/store/damaged_tables.h"
#include "broker/store/rocks_codec.h"

namespace pawl::store {

std::string cannot_open(const std::filesystem::path& directory, const rocksdb::Status& status) {
  std::string text =
      fmt::format("cannot open the data directory {}: {}", directory.string(), status.ToString());
  if (!status.IsCorruption()) return text;
  for (const DamagedTable& table : damaged_tables(directory)) {
    text += fmt::format("; {} is damaged", table.file.string());
  }
  return text;
}

void check_tables_known(const std::filesystem::path& directory, rocksdb::Env* env) {
  rocksdb::DBOptions options;
  options.env = env;
  std::vector<std::string> names;
  if (!rocksdb::DB::ListColumnFamilies(options, (directory / "db").string(), &names).ok()) return;
  for (const std::string& name : names) {
    bool known = name == rocksdb::kDefaultColumnFamilyName;
    for (std::size_t i = 0; i < core::kTableCount; ++i) {
      known = known || name == to_string(static_cast<core::Table>(i));
    }
    if (!known) {
      throw std::runtime_error(
          fmt::format("the data directory {} was written by a newer version: it has a table {}",
                      directory.string(), name));
    }
  }
}

void check_format(const std::filesystem::path& directory, std::string_view stored) {
  const std::uint32_t format = core::Reader(stored).be32();
  if (format == codec::kFormat) return;
  throw std::runtime_error(
      fmt::format("the data directory {} has format {}, this version reads format {}",
                  directory.string(), format, codec::kFormat));
}

std::uint64_t count_commits(const std::filesystem::path& directory, rocksdb::DB& db,
                            rocksdb::ColumnFamilyHandle* own) {
  std::uint64_t count = 0;
  rocksdb::ReadOptions options;
  options.ignore_range_deletions = true;  // As RocksRows does, for the same reason.
  const std::unique_ptr<rocksdb::Iterator> owners(db.NewIterator(options, own));
  for (owners->Seek(rocksdb::Slice(codec::kOwnerKey));
       owners->Valid() && owners->key().starts_with(rocksdb::Slice(codec::kOwnerKey));
       owners->Next()) {
    const auto record = codec::decode_owner(owners->value().ToStringView());
    if (record) count += record->owner.epoch + record->owner.last;
  }
  if (!owners->status().ok()) throw std::runtime_error(cannot_open(directory, owners->status()));
  return count;
}

// RocksDB's own number alone would not do: its MANIFEST bears one that is ahead of its tables by
// what was in the logs.
void check_nothing_lost(const std::filesystem::path& directory, const Synced& found,
                        const Synced& mark, const std::string& cut_off) {
  if (found.operation >= mark.operation && found.commits >= mark.commits) return;
  throw std::runtime_error(fmt::format(
      "the data directory {} has lost acknowledged commits: a log is missing{}, or "
      "older files were put in place. Remove {} to go on without them",
      directory.string(), cut_off.empty() ? "" : fmt::format(" or damaged ({})", cut_off),
      (directory / "synced").string()));
}

}  // namespace pawl::store
