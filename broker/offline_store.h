#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "broker/core/blob.h"
#include "broker/core/changes.h"
#include "broker/store/directory_lock.h"
#include "broker/store/rocks_reader.h"

namespace pawl {

// Files that cannot be read, as opposed to a directory that cannot be had.
class DamagedStore : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A stopped broker's directory, held against brokers while this exists. Nothing in it is changed.
class OfflineStore {
 public:
  using Visitor = std::function<void(std::string_view key, const core::Blob& value)>;
  using Unreadable = std::function<void(std::string_view key, const std::string& why)>;

  // Throws std::runtime_error when there is no data directory or a broker runs on it, DamagedStore
  // when its files are damaged or of a newer format.
  explicit OfflineStore(const std::filesystem::path& directory);

  // All rows in the order of their keys. Throws DamagedStore, which names the file.
  void each(core::Table table, const Visitor& visit) const;
  // The same, and goes on behind a row whose value cannot be read.
  void each(core::Table table, const Visitor& visit, const Unreadable& unreadable) const;

  static std::uint32_t format();

 private:
  static std::unique_ptr<store::RocksReader> open(const std::filesystem::path& directory);

  store::DirectoryLock lock_;
  std::unique_ptr<store::RocksReader> reader_;
};

}  // namespace pawl
