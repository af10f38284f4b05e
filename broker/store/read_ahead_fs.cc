#include "broker/store/read_ahead_fs.h"

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "broker/store/read_windows.h"

namespace pawl::store {

namespace {

using rocksdb::FileOptions;
using rocksdb::FSRandomAccessFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// Tells reads that go on where an earlier one ended from those that look something up.
class Streams {
 public:
  Streams() { ends_.fill(UINT64_MAX); }

  bool goes_on(std::uint64_t at, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    for (std::uint64_t& end : ends_) {
      if (at < end || at - end > kGapMax) continue;
      end = at + bytes;
      return true;
    }
    ends_[next_++ % ends_.size()] = at + bytes;
    return false;
  }

 private:
  // Values of other lanes, or that nobody wants any more.
  static constexpr std::uint64_t kGapMax = 256 << 10;

  std::mutex mutex_;
  std::array<std::uint64_t, 4> ends_{};  // Of the readers, and of lookups between them.
  std::size_t next_ = 0;
};

class DirectFile final : public ReadWindows::File {
 public:
  explicit DirectFile(std::unique_ptr<FSRandomAccessFile> file) : file_(std::move(file)) {}

  std::optional<std::size_t> load(std::uint64_t at, char* to) const override {
    Slice got;
    const IOStatus status = file_->Read(at, ReadWindows::kBytes, {}, &got, to, nullptr);
    if (!status.ok() || got.data() != to) return std::nullopt;
    return got.size();
  }

 private:
  const std::unique_ptr<FSRandomAccessFile> file_;
};

class BlobFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  BlobFile(std::unique_ptr<FSRandomAccessFile> plain, std::unique_ptr<FSRandomAccessFile> direct,
           std::shared_ptr<ReadWindows> windows)
      : FSRandomAccessFileOwnerWrapper(std::move(plain)),
        direct_(std::make_shared<DirectFile>(std::move(direct))),
        windows_(std::move(windows)) {
    target()->Hint(kRandom);  // The kernel would read ahead as well.
  }

  // What the windows cannot give, an error too, is the plain file's to say.
  IOStatus Read(std::uint64_t at, std::size_t bytes, const IOOptions& options, Slice* result,
                char* scratch, IODebugContext* debug) const override {
    const auto bring =
        streams_.goes_on(at, bytes) ? ReadWindows::Bring::missing : ReadWindows::Bring::nothing;
    if (!windows_->read(direct_, at, bytes, scratch, bring)) {
      return target()->Read(at, bytes, options, result, scratch, debug);
    }
    *result = Slice(scratch, bytes);
    return IOStatus::OK();
  }

 private:
  const std::shared_ptr<const DirectFile> direct_;
  const std::shared_ptr<ReadWindows> windows_;
  mutable Streams streams_;
};

class ReadAheadFs final : public rocksdb::FileSystemWrapper {
 public:
  explicit ReadAheadFs(const std::shared_ptr<rocksdb::FileSystem>& below)
      : FileSystemWrapper(below), windows_(std::make_shared<ReadWindows>()) {}

  const char* Name() const override { return "pawl.read_ahead"; }

  // Where the file system refuses direct I/O the file stays as it is.
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions& options,
                               std::unique_ptr<FSRandomAccessFile>* file,
                               IODebugContext* debug) override {
    IOStatus status = target_->NewRandomAccessFile(path, options, file, debug);
    if (!status.ok() || !path.ends_with(".blob")) return status;
    FileOptions past_cache = options;
    past_cache.use_direct_reads = true;
    std::unique_ptr<FSRandomAccessFile> direct;
    if (!target_->NewRandomAccessFile(path, past_cache, &direct, debug).ok()) return status;
    *file = std::make_unique<BlobFile>(std::move(*file), std::move(direct), windows_);
    return status;
  }

 private:
  const std::shared_ptr<ReadWindows> windows_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> make_read_ahead_fs(
    const std::shared_ptr<rocksdb::FileSystem>& below) {
  return std::make_shared<ReadAheadFs>(below);
}

}  // namespace pawl::store
