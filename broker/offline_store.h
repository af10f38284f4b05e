#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "broker/core/blob.h"
#include "broker/core/changes.h"
#include "broker/store/rocks_store.h"

namespace pawl {

// Files that cannot be read, as opposed to a directory that cannot be had.
class DamagedStore : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A stopped broker's directory, held against brokers while this exists. Opening it finishes what
// the log holds, as a broker's start would; no job is changed.
class OfflineStore {
 public:
  using Visitor = std::function<void(std::string_view key, const core::Blob& value)>;

  // Throws std::runtime_error when there is no data directory or a broker runs on it, DamagedStore
  // when its files are damaged or of a newer format.
  explicit OfflineStore(const std::filesystem::path& directory);

  // All rows in the order of their keys. Throws DamagedStore, which names the file.
  void each(core::Table table, const Visitor& visit) const;

  static std::uint32_t format();

 private:
  static store::RocksOptions options_for(const std::filesystem::path& directory);
  static std::unique_ptr<store::RocksStore> open(const std::filesystem::path& directory);

  std::unique_ptr<store::RocksStore> store_;
};

}  // namespace pawl
