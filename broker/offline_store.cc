#include "broker/offline_store.h"

#include <fmt/format.h>

#include "broker/core/keys.h"
#include "broker/store/directory_lock.h"
#include "broker/store/rocks_codec.h"

namespace pawl {
namespace {

constexpr core::ShardId kShard = 0;

void require_directory(const std::filesystem::path& directory) {
  std::error_code failed;
  if (std::filesystem::exists(directory / "db" / "CURRENT", failed)) return;
  throw std::runtime_error(fmt::format("{} is no data directory of pawld", directory.string()));
}

}  // namespace

OfflineStore::OfflineStore(const std::filesystem::path& directory) : store_(open(directory)) {}

store::RocksOptions OfflineStore::options_for(const std::filesystem::path& directory) {
  store::RocksOptions options;
  options.directory = directory;
  options.reserve_bytes = 0;  // The broker's reserve stays as it is.
  return options;
}

std::unique_ptr<store::RocksStore> OfflineStore::open(const std::filesystem::path& directory) {
  require_directory(directory);
  // Apart, so that a running broker is told from damage.
  { const store::DirectoryLock lock(directory); }
  try {
    return std::make_unique<store::RocksStore>(options_for(directory));
  } catch (const std::runtime_error& error) {
    throw DamagedStore(error.what());
  }
}

void OfflineStore::each(core::Table table, const Visitor& visit) const {
  core::Read read;
  read.ranges.push_back(core::keys::all(table));
  for (;;) {
    const store::ReadResult page = store_->read(kShard, read);
    if (!page.ok) {
      throw DamagedStore(fmt::format("table {}: {}", core::to_string(table), page.why));
    }
    for (const core::Row& row : page.answer.rows) {
      visit(row.key, core::Blob(page.answer.owner, row.value));
    }
    if (page.answer.complete) return;
    read.ranges.front().from = page.answer.stopped_key;
  }
}

std::uint32_t OfflineStore::format() {
  return store::codec::kFormat;
}

}  // namespace pawl
