#include "broker/store/row_places.h"

#include <algorithm>
#include <filesystem>

#include <rocksdb/metadata.h>
#include <rocksdb/sst_file_reader.h>

namespace pawl::store {

namespace {

namespace fs = std::filesystem;

// As RocksDB stores what stands in a blob file in the row's place:
//   index  1 file:varint offset:varint size:varint compression:u8
constexpr char kBlobIndex = 1;

std::uint64_t take_varint(std::string_view& bytes) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    number |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return number;
  }
  bytes = {};
  return 0;
}

// Which file a blob's index leads to; 0 when it is none.
std::uint64_t file_of(std::string_view index) {
  if (index.empty() || index.front() != kBlobIndex) return 0;
  index.remove_prefix(1);
  const std::uint64_t file = take_varint(index);
  take_varint(index);
  take_varint(index);
  return index.size() == 1 ? file : 0;
}

}  // namespace

struct RowPlaces::File {
  // The rows must be gone before their reader.
  struct Open {
    rocksdb::SstFileReader reader{rocksdb::Options()};
    std::unique_ptr<rocksdb::Iterator> rows;
  };

  std::string path;
  std::string smallest;
  std::string largest;
  std::unique_ptr<Open> open;

  // Nothing when it cannot be read.
  rocksdb::Iterator* seek(const std::string& from) {
    if (!open) {
      auto opened = std::make_unique<Open>();
      if (!opened->reader.Open(path).ok()) return nullptr;
      rocksdb::ReadOptions options;
      options.total_order_seek = true;
      options.ignore_range_deletions = true;
      opened->rows.reset(opened->reader.NewIterator(options));
      open = std::move(opened);
    }
    open->rows->Seek(from);
    return open->rows->status().ok() ? open->rows.get() : nullptr;
  }
};

RowPlaces::RowPlaces(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* column) {
  rocksdb::ColumnFamilyMetaData table;
  db.GetColumnFamilyMetaData(column, &table);
  for (const rocksdb::LevelMetaData& level : table.levels) {
    for (const rocksdb::SstFileMetaData& file : level.files) {
      files_.push_back({file.db_path + file.name, file.smallestkey, file.largestkey, {}});
    }
  }
  std::ranges::sort(files_, {}, &File::smallest);
  for (const rocksdb::BlobMetaData& blob : table.blob_files) {
    blobs_.emplace_back(
        blob.blob_file_number,
        (fs::path(blob.blob_file_path) / fs::path(blob.blob_file_name).filename()).string());
  }
}

RowPlaces::~RowPlaces() = default;

std::optional<RowPlaces::Place> RowPlaces::first(const std::string& from) {
  std::erase_if(files_, [&](const File& file) { return file.largest < from; });
  std::optional<Place> first;
  for (File& file : files_) {
    if (first && file.smallest > first->key) break;
    const rocksdb::Iterator* const rows = file.seek(from);
    if (rows == nullptr) return std::nullopt;
    if (!rows->Valid()) continue;
    std::string key = rows->key().ToString();
    if (first && key >= first->key) continue;
    first = {std::move(key), blob_file_of(rows->value().ToStringView())};
  }
  return first;
}

std::string RowPlaces::blob_file_of(std::string_view index) const {
  const std::uint64_t number = file_of(index);
  const auto found = std::ranges::find(blobs_, number, &decltype(blobs_)::value_type::first);
  return found == blobs_.end() ? std::string() : found->second;
}

}  // namespace pawl::store
