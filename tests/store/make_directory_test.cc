#include "broker/store/make_directory.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <rocksdb/file_system.h>

#include "tests/store/store_talk.h"

namespace pawl::test {

namespace {

namespace fs = std::filesystem;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// The real file system; notes which directories have been synced, with what was in them then.
class WatchedFs final : public rocksdb::FileSystemWrapper {
 public:
  WatchedFs() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  const char* Name() const override { return "WatchedFs"; }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* directory,
                        IODebugContext* debug) override {
    const IOStatus status = target()->NewDirectory(path, options, directory, debug);
    if (status.ok()) *directory = std::make_unique<Directory>(*this, path, std::move(*directory));
    return status;
  }

  bool has_synced(const fs::path& entry) const {
    return std::ranges::find(synced_, entry) != synced_.end();
  }

 private:
  class Directory final : public rocksdb::FSDirectoryWrapper {
   public:
    Directory(WatchedFs& watched, fs::path path, std::unique_ptr<rocksdb::FSDirectory> real)
        : FSDirectoryWrapper(std::move(real)), watched_(watched), path_(std::move(path)) {}

    IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                                 const rocksdb::DirFsyncOptions& how) override {
      for (const auto& entry : fs::directory_iterator(path_)) {
        watched_.synced_.push_back(entry.path());
      }
      return FSDirectoryWrapper::FsyncWithDirOptions(options, debug, how);
    }

   private:
    WatchedFs& watched_;
    const fs::path path_;
  };

  std::vector<fs::path> synced_;
};

}  // namespace

TEST_CASE("a directory and those made on the way to it are synced", "[store]") {
  const TempDirectory temp;
  const fs::path data = temp.path() / "srv" / "pawl" / "data";
  const bool slash = GENERATE(false, true);
  WatchedFs files;
  store::make_directory(slash ? data / "" : data, files);

  CHECK(files.has_synced(temp.path() / "srv"));
  CHECK(files.has_synced(temp.path() / "srv" / "pawl"));
  CHECK(files.has_synced(data));
  CHECK(fs::status(data).permissions() == fs::perms::owner_all);
}

// It was perhaps cut off between making a directory and syncing it.
TEST_CASE("what a start before has made is synced again", "[store]") {
  const TempDirectory temp;
  const fs::path above = temp.path() / "srv";
  const fs::path data = above / "data";
  WatchedFs files;
  SECTION("the directory itself") {
    fs::create_directories(data);
    store::make_directory(data, files);
    CHECK(files.has_synced(data));
  }
  SECTION("the one above it") {
    fs::create_directory(above);
    store::make_directory(data, files);
    CHECK(files.has_synced(above));
    CHECK(files.has_synced(data));
  }
}

TEST_CASE("a fresh store's directories are synced before it is used", "[store]") {
  const TempDirectory temp;
  const auto files = std::make_shared<WatchedFs>();
  store::RocksOptions options;
  options.directory = temp.path() / "data";
  options.reserve_bytes = 0;
  options.file_system = files;
  const store::RocksStore store(options);

  CHECK(files->has_synced(options.directory));
  CHECK(files->has_synced(options.directory / "db"));
}

TEST_CASE("a directory that cannot be made is told with its name", "[store]") {
  WatchedFs files;
  CHECK_THROWS_WITH(store::make_directory("/proc/pawl/data", files),
                    Catch::Contains("cannot make the directory /proc/pawl: "));
}

}  // namespace pawl::test
