#include "broker/store/manifest_watch_fs.h"

#include <filesystem>
#include <string>
#include <utility>

namespace pawl::store {

namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;
using OnSynced = std::function<void(const ManifestMark&)>;

// RocksDB writes a MANIFEST from its first byte to its last, one thread at a time.
class Manifest final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  Manifest(std::unique_ptr<rocksdb::FSWritableFile> file, std::uint64_t number,
           const OnSynced& on_synced)
      : FSWritableFileOwnerWrapper(std::move(file)), on_synced_(on_synced) {
    mark_.number = number;
  }

  IOStatus Append(const Slice& bytes, const IOOptions& options, IODebugContext* debug) override {
    return count(bytes, target()->Append(bytes, options, debug));
  }
  IOStatus Append(const Slice& bytes, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& info, IODebugContext* debug) override {
    return count(bytes, target()->Append(bytes, options, info, debug));
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return tell(target()->Sync(options, debug));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return tell(target()->Fsync(options, debug));
  }

 private:
  IOStatus count(const Slice& bytes, IOStatus status) {
    if (status.ok()) mark_.bytes += bytes.size();
    return status;
  }
  IOStatus tell(IOStatus status) {
    if (status.ok()) on_synced_(mark_);
    return status;
  }

  const OnSynced& on_synced_;
  ManifestMark mark_;
};

class ManifestWatchFs final : public rocksdb::FileSystemWrapper {
 public:
  ManifestWatchFs(const std::shared_ptr<rocksdb::FileSystem>& below, OnSynced on_synced)
      : FileSystemWrapper(below), on_synced_(std::move(on_synced)) {}

  const char* Name() const override { return "pawl.manifest_watch"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    IOStatus status = target_->NewWritableFile(path, options, file, debug);
    const std::uint64_t number = manifest_number(std::filesystem::path(path).filename().string());
    if (status.ok() && number != 0) {
      *file = std::make_unique<Manifest>(std::move(*file), number, on_synced_);
    }
    return status;
  }

 private:
  const OnSynced on_synced_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> make_manifest_watch_fs(
    const std::shared_ptr<rocksdb::FileSystem>& below, OnSynced on_synced) {
  return std::make_shared<ManifestWatchFs>(below, std::move(on_synced));
}

}  // namespace pawl::store
