#include "broker/offline_store.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

#include <fmt/format.h>

#include "broker/store/rocks_codec.h"

namespace pawl {
namespace {

namespace fs = std::filesystem;

constexpr core::ShardId kShard = 0;

void require_access(const fs::path& directory) {
  if (::access(directory.c_str(), R_OK | X_OK) == 0) return;
  throw std::runtime_error(
      fmt::format("cannot read {}: {}", directory.string(), std::strerror(errno)));
}

// Before anything is locked in it.
const fs::path& checked(const fs::path& directory) {
  require_access(directory);
  std::error_code failed;
  if (!fs::is_directory(directory / "db", failed)) {
    throw std::runtime_error(fmt::format("{} is no data directory of pawld: there is no {} in it",
                                         directory.string(), "db"));
  }
  require_access(directory / "db");
  return directory;
}

}  // namespace

OfflineStore::OfflineStore(const fs::path& directory)
    : lock_(store::DirectoryLock::for_reading(checked(directory))), reader_(open(directory)) {}

std::unique_ptr<store::RocksReader> OfflineStore::open(const fs::path& directory) {
  try {
    return std::make_unique<store::RocksReader>(directory);
  } catch (const std::runtime_error& error) {
    throw DamagedStore(error.what());
  }
}

void OfflineStore::each(core::Table table, const Visitor& visit) const {
  each(table, visit, [&](std::string_view, const std::string& why) {
    throw DamagedStore(fmt::format("table {}: {}", core::to_string(table), why));
  });
}

void OfflineStore::each(core::Table table, const Visitor& visit,
                        const Unreadable& unreadable) const {
  try {
    reader_->each(kShard, table, {.row = visit, .unreadable = unreadable});
  } catch (const DamagedStore&) {
    throw;
  } catch (const std::runtime_error& error) {
    throw DamagedStore(fmt::format("table {}: {}", core::to_string(table), error.what()));
  }
}

std::uint32_t OfflineStore::format() {
  return store::codec::kFormat;
}

}  // namespace pawl
