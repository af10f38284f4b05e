#include "broker/store/make_directory.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/file_system.h>

namespace pawl::store {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(std::string_view what, const fs::path& directory, const std::string& why) {
  throw std::runtime_error(
      fmt::format("cannot {} the directory {}: {}", what, directory.string(), why));
}

enum class Made : std::uint8_t { by_us, before };

// Syncs the entry of a directory, which is in the one above it. That may be closed to us when
// somebody else has made the directory, and then its entry is theirs to see to.
void sync_entry(const fs::path& directory, Made made, rocksdb::FileSystem& files) {
  const fs::path above = directory.parent_path();
  std::unique_ptr<rocksdb::FSDirectory> opened;
  rocksdb::IOStatus status = files.NewDirectory(above.string(), {}, &opened, nullptr);
  if (!status.ok() && made == Made::before) return;
  if (status.ok()) status = opened->FsyncWithDirOptions({}, nullptr, rocksdb::DirFsyncOptions());
  if (!status.ok()) fail("sync", above, status.ToString());
}

}  // namespace

void make_directory(const fs::path& directory, rocksdb::FileSystem& files) {
  std::error_code error;
  fs::path there = fs::absolute(directory);
  if (!there.has_filename()) there = there.parent_path();
  std::vector<fs::path> missing;  // The lowest first.
  for (; !fs::exists(there, error) && there.has_relative_path(); there = there.parent_path()) {
    missing.push_back(there);
  }
  sync_entry(there, Made::before, files);
  for (auto next = missing.rbegin(); next != missing.rend(); ++next) {
    const bool fresh = fs::create_directory(*next, error);
    if (!error && fresh && *next == missing.front()) {
      fs::permissions(*next, fs::perms::owner_all, error);
    }
    if (error) fail("make", *next, error.message());
    sync_entry(*next, Made::by_us, files);
  }
}

}  // namespace pawl::store
