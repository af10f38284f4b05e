#include "broker/store/read_ahead_fs.h"

#include <atomic>
#include <fstream>
#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "tests/store/temp_directory.h"

namespace pawl::test {

namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// What is asked of the disk, by the way to it.
struct Traffic {
  std::atomic<int> plain{0};
  std::atomic<int> direct{0};
  std::atomic<bool> takes_direct{true};
  std::atomic<bool> direct_fails{false};
};

class WatchedFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  enum class Way : std::uint8_t { plain, direct };
  WatchedFile(std::unique_ptr<rocksdb::FSRandomAccessFile> file, Way way, Traffic& traffic)
      : FSRandomAccessFileOwnerWrapper(std::move(file)), way_(way), traffic_(traffic) {}

  IOStatus Read(std::uint64_t at, std::size_t bytes, const IOOptions& options, Slice* result,
                char* scratch, IODebugContext* debug) const override {
    ++(way_ == Way::direct ? traffic_.direct : traffic_.plain);
    if (way_ == Way::direct && traffic_.direct_fails) return IOStatus::IOError("direct");
    return target()->Read(at, bytes, options, result, scratch, debug);
  }

 private:
  const Way way_;
  Traffic& traffic_;
};

// The pages of the test's files are in the cache, so it reads no other way in truth.
class WatchedFs final : public rocksdb::FileSystemWrapper {
 public:
  explicit WatchedFs(Traffic& traffic)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), traffic_(traffic) {}

  const char* Name() const override { return "WatchedFs"; }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                               IODebugContext* debug) override {
    if (options.use_direct_reads && !traffic_.takes_direct) return IOStatus::NotSupported("direct");
    FileOptions cached = options;
    cached.use_direct_reads = false;
    const IOStatus status = target_->NewRandomAccessFile(path, cached, file, debug);
    if (!status.ok()) return status;
    using Way = WatchedFile::Way;
    *file = std::make_unique<WatchedFile>(
        std::move(*file), options.use_direct_reads ? Way::direct : Way::plain, traffic_);
    return status;
  }

 private:
  Traffic& traffic_;
};

constexpr std::size_t kSize = 5'000'000;
constexpr std::size_t kValue = 25'000;

struct Site {
  explicit Site(const std::string& name) {
    const std::string path = (directory.path() / name).string();
    for (std::size_t i = 0; i < kSize; ++i) content.push_back(static_cast<char>(i * 31 / 7));
    std::ofstream(path, std::ios::binary) << content;
    open(path);
  }

  void open(const std::string& path) {
    fs = store::make_read_ahead_fs(std::make_shared<WatchedFs>(traffic));
    REQUIRE(fs->NewRandomAccessFile(path, {}, &file, nullptr).ok());
  }

  bool reads_right(std::size_t at, std::size_t bytes) {
    std::string scratch(bytes, '\0');
    Slice got;
    const IOStatus status = file->Read(at, bytes, {}, &got, scratch.data(), nullptr);
    return status.ok() && got == Slice(content).ToString().substr(at, bytes);
  }

  void read_in_order() {
    for (std::size_t at = 0; at < kSize; at += kValue) REQUIRE(reads_right(at, kValue));
  }

  TempDirectory directory;
  std::string content;
  Traffic traffic;
  std::shared_ptr<rocksdb::FileSystem> fs;
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
};

}  // namespace

TEST_CASE("blobs that are read in order come in stretches past the cache", "[store][windows]") {
  Site site("000007.blob");
  site.read_in_order();
  CHECK(site.traffic.plain == 1);  // Of the first one nobody knows yet that others follow.
  CHECK(site.traffic.direct <= 7);
}

TEST_CASE("values that were let go between them do not break a run", "[store][windows]") {
  Site site("000007.blob");
  for (std::size_t at = 0; at < kSize; at += 8 * kValue) REQUIRE(site.reads_right(at, kValue));
  CHECK(site.traffic.plain == 1);
}

TEST_CASE("a blob that is looked up brings no others", "[store][windows]") {
  Site site("000007.blob");
  for (const std::size_t at : {4'000'000, 30, 2'000'000, 1'000'000, 3'000'000, 300'000}) {
    REQUIRE(site.reads_right(at, kValue));
  }
  CHECK(site.traffic.direct == 0);
}

TEST_CASE("other files are read as ever", "[store][windows]") {
  Site site("000007.sst");
  site.read_in_order();
  CHECK(site.traffic.direct == 0);
}

TEST_CASE("where direct I/O fails the plain way is left", "[store][windows]") {
  Site site("000007.blob");
  SECTION("at the reading") {
    site.traffic.direct_fails = true;
  }
  SECTION("at the opening") {
    site.traffic.takes_direct = false;
    site.open((site.directory.path() / "000007.blob").string());
  }
  site.read_in_order();
  CHECK(site.traffic.plain == static_cast<int>(kSize / kValue));
}

}  // namespace pawl::test
