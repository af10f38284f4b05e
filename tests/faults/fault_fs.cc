#include "tests/faults/fault_fs.h"

#include <algorithm>
#include <fstream>

#include "tests/store/file_bytes.h"

namespace pawl::test {

namespace fs = std::filesystem;
using rocksdb::DataVerificationInfo;
using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

const char* to_string(FileOp op) {
  constexpr const char* kNames[kFileOps] = {"create", "append", "sync",   "truncate",
                                            "close",  "rename", "remove", "read"};
  return kNames[static_cast<std::size_t>(op)];
}

class FaultFs::WritableFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WritableFile(FaultFs& fs, std::shared_ptr<Inode> file, const FileOptions& options,
               std::unique_ptr<rocksdb::FSWritableFile> target)
      : FSWritableFileOwnerWrapper(std::move(target)),
        fs_(fs),
        file_(std::move(file)),
        direct_(options.use_direct_writes) {}

  // The real file never is: no test waits for the disk.
  static FileOptions options_for_target(FileOptions options) {
    options.use_direct_writes = false;
    return options;
  }

  IOStatus Append(const Slice& bytes, const IOOptions& options, IODebugContext* debug) override {
    return fs_.write(*file_, bytes, file_->size, 1,
                     [&](const Slice& part) { return target()->Append(part, options, debug); });
  }
  IOStatus Append(const Slice& bytes, const IOOptions& options, const DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(bytes, options, debug);
  }
  // Direct I/O writes whole pages, the last one again and again while it fills.
  IOStatus PositionedAppend(const Slice& bytes, std::uint64_t at, const IOOptions& options,
                            IODebugContext* debug) override {
    return fs_.write(*file_, bytes, at, GetRequiredBufferAlignment(), [&](const Slice& part) {
      return target()->PositionedAppend(part, at, options, debug);
    });
  }
  IOStatus PositionedAppend(const Slice& bytes, std::uint64_t at, const IOOptions& options,
                            const DataVerificationInfo&, IODebugContext* debug) override {
    return PositionedAppend(bytes, at, options, debug);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    const Lock lock(fs_.mutex_);
    if (auto refused = fs_.refuse(file_->kind, FileOp::truncate, file_->path)) return *refused;
    const IOStatus status = target()->Truncate(size, options, debug);
    if (!status.ok()) return status;
    file_->size = size;
    file_->synced = std::min(file_->synced, size);
    return status;
  }
  bool use_direct_io() const override { return direct_; }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return fs_.sync(*file_); }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return fs_.sync(*file_); }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    const Lock lock(fs_.mutex_);
    const auto refused = fs_.refuse(file_->kind, FileOp::close, file_->path);
    const IOStatus status = target()->Close(options, debug);
    return refused ? *refused : status;
  }
  IOStatus Allocate(std::uint64_t at, std::uint64_t bytes, const IOOptions& options,
                    IODebugContext* debug) override {
    const Lock lock(fs_.mutex_);
    if (fs_.cut_ || fs_.room() < bytes) return IOStatus::NoSpace("fault", file_->path.string());
    return target()->Allocate(at, bytes, options, debug);
  }

 private:
  FaultFs& fs_;
  const std::shared_ptr<Inode> file_;
  const bool direct_;
};

class FaultFs::RandomAccessFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  RandomAccessFile(FaultFs& fs, std::string path,
                   std::unique_ptr<rocksdb::FSRandomAccessFile> target)
      : FSRandomAccessFileOwnerWrapper(std::move(target)), fs_(fs), path_(std::move(path)) {}

  IOStatus Read(std::uint64_t at, std::size_t bytes, const IOOptions& options, Slice* result,
                char* scratch, IODebugContext* debug) const override {
    if (auto refused = refuse()) return *refused;
    return FSRandomAccessFileOwnerWrapper::Read(at, bytes, options, result, scratch, debug);
  }
  IOStatus MultiRead(rocksdb::FSReadRequest* requests, std::size_t count, const IOOptions& options,
                     IODebugContext* debug) override {
    if (auto refused = refuse()) return *refused;
    return FSRandomAccessFileOwnerWrapper::MultiRead(requests, count, options, debug);
  }

 private:
  std::optional<IOStatus> refuse() const {
    const Lock lock(fs_.mutex_);
    return fs_.refuse(kind_of(fs::path(path_).filename().string()), FileOp::read, path_);
  }

  FaultFs& fs_;
  const std::string path_;
};

class FaultFs::SequentialFile final : public rocksdb::FSSequentialFileOwnerWrapper {
 public:
  SequentialFile(FaultFs& fs, std::string path, std::unique_ptr<rocksdb::FSSequentialFile> target)
      : FSSequentialFileOwnerWrapper(std::move(target)), fs_(fs), path_(std::move(path)) {}

  IOStatus Read(std::size_t bytes, const IOOptions& options, Slice* result, char* scratch,
                IODebugContext* debug) override {
    {
      const Lock lock(fs_.mutex_);
      const FileKind kind = kind_of(fs::path(path_).filename().string());
      if (auto refused = fs_.refuse(kind, FileOp::read, path_)) return *refused;
    }
    return FSSequentialFileOwnerWrapper::Read(bytes, options, result, scratch, debug);
  }

 private:
  FaultFs& fs_;
  const std::string path_;
};

class FaultFs::Directory final : public rocksdb::FSDirectoryWrapper {
 public:
  Directory(FaultFs& fs, std::unique_ptr<rocksdb::FSDirectory> target)
      : FSDirectoryWrapper(std::move(target)), fs_(fs) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return fs_.sync_directory(); }
  IOStatus FsyncWithDirOptions(const IOOptions&, IODebugContext*,
                               const rocksdb::DirFsyncOptions&) override {
    return fs_.sync_directory();
  }

 private:
  FaultFs& fs_;
};

FaultFs::FaultFs(fs::path directory)
    : FileSystemWrapper(rocksdb::FileSystem::Default()),
      directory_(std::move(directory)),
      disk_(directory_ / "db") {}

void FaultFs::fail(const Rule& rule) {
  const Lock lock(mutex_);
  rule_ = rule;
  fired_ = false;
  seen_ = {};
  changes_ = 0;
}

bool FaultFs::fired() const {
  const Lock lock(mutex_);
  return fired_;
}

std::size_t FaultFs::seen(FileKind kind, FileOp op) const {
  const Lock lock(mutex_);
  return seen_[static_cast<std::size_t>(kind)][static_cast<std::size_t>(op)];
}

void FaultFs::fill(std::uint64_t capacity, fs::path beside) {
  const Lock lock(mutex_);
  capacity_ = capacity;
  beside_ = std::move(beside);
}

std::uint64_t FaultFs::free_bytes() const {
  const Lock lock(mutex_);
  return room();
}

std::uint64_t FaultFs::used_bytes() const {
  const Lock lock(mutex_);
  return used();
}

std::uint64_t FaultFs::used() const {
  std::error_code missing;
  const std::uintmax_t other = beside_.empty() ? 0 : fs::file_size(beside_, missing);
  return disk_.bytes() + (missing ? 0 : other);
}

std::uint64_t FaultFs::room() const {
  const std::uint64_t taken = used();
  return capacity_ > taken ? capacity_ - taken : 0;
}

void FaultFs::cut_at(std::size_t nth) {
  const Lock lock(mutex_);
  cut_at_ = nth;
  changes_ = 0;
}

bool FaultFs::is_cut() const {
  const Lock lock(mutex_);
  return cut_;
}

std::size_t FaultFs::changes() const {
  const Lock lock(mutex_);
  return changes_;
}

CrashImage FaultFs::power_cut(Random& random, const fs::path& into) {
  const Lock lock(mutex_);
  if (!cut_) note_mark();
  cut_ = true;
  CrashImage image = disk_.crash(random, into / "db");
  if (marks_.empty() || draw(random, 4) == 0) return image;
  std::string mark = draw(random, 2) == 0 ? marks_.back() : marks_[draw(random, marks_.size())];
  if (draw(random, 4) == 0) mark.resize(draw(random, mark.size() + 1));
  std::ofstream(into / "synced", std::ios::binary) << mark;
  return image;
}

void FaultFs::copy(DiskState::Unsynced unsynced, const fs::path& into) {
  const Lock lock(mutex_);
  disk_.copy(unsynced, into / "db");
  std::ofstream(into / "synced", std::ios::binary) << read_file(directory_ / "synced");
}

std::optional<IOStatus> FaultFs::refuse(FileKind kind, FileOp op, const std::string& path) {
  const std::size_t count = ++seen_[static_cast<std::size_t>(kind)][static_cast<std::size_t>(op)];
  if (op != FileOp::read && op != FileOp::close && !cut_ && ++changes_ == cut_at_) {
    note_mark();
    cut_ = true;
  }
  if (cut_) return IOStatus::IOError("the power is gone", path);
  if (!rule_ || rule_->kind != kind || rule_->op != op || rule_->nth != count) return {};
  fired_ = true;
  if (rule_->effect == Rule::Effect::no_space) return IOStatus::NoSpace("fault", path);
  return IOStatus::IOError("fault", path);
}

template <class Write>
IOStatus FaultFs::write(Inode& file, Slice bytes, std::uint64_t at, std::uint64_t alignment,
                        Write&& write) {
  const Lock lock(mutex_);
  auto refused = refuse(file.kind, FileOp::append, file.path);
  std::uint64_t fits = bytes.size();
  if (refused) {
    fits = !cut_ && rule_->effect == Rule::Effect::short_write ? fits / 2 : 0;
  } else if (const std::uint64_t end = at + fits, free = room();
             end > file.size && end - file.size > free) {
    refused = IOStatus::NoSpace("the disk is full", file.path.string());
    fits = std::min(fits, std::max(file.size, at) - at + free);
  }
  if (refused) fits = fits / alignment * alignment;
  if (fits == 0 && refused) return *refused;
  const IOStatus status = write(Slice(bytes.data(), fits));
  if (status.ok()) file.size = std::max(file.size, at + fits);
  return refused ? *refused : status;
}

IOStatus FaultFs::sync(Inode& file) {
  const Lock lock(mutex_);
  note_mark();
  if (auto refused = refuse(file.kind, FileOp::sync, file.path)) {
    // The machine is off, so nobody learns how this ended. Told, RocksDB syncs a log that it writes
    // no more a second time, and Debian's build of it has an assertion against that.
    if (cut_ && file.kind == FileKind::wal && file.path != newest_log_) return IOStatus::OK();
    if (!cut_) file.pages = Inode::Pages::dropped;
    return *refused;
  }
  if (file.pages == Inode::Pages::kept) file.synced = file.size;
  return IOStatus::OK();
}

IOStatus FaultFs::sync_directory() {
  const Lock lock(mutex_);
  if (auto refused = refuse(FileKind::dir, FileOp::sync, directory_ / "db")) return *refused;
  disk_.sync_names();
  return IOStatus::OK();
}

void FaultFs::note_mark() {
  std::string mark = read_file(directory_ / "synced");
  if (!mark.empty() && (marks_.empty() || marks_.back() != mark)) marks_.push_back(std::move(mark));
}

IOStatus FaultFs::NewSequentialFile(const std::string& path, const FileOptions& options,
                                    std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                    IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSSequentialFile> real;
  const IOStatus status = target_->NewSequentialFile(path, options, &real, debug);
  if (status.ok()) *file = std::make_unique<SequentialFile>(*this, path, std::move(real));
  return status;
}

IOStatus FaultFs::NewRandomAccessFile(const std::string& path, const FileOptions& options,
                                      std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                      IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSRandomAccessFile> real;
  const IOStatus status = target_->NewRandomAccessFile(path, options, &real, debug);
  if (status.ok()) *file = std::make_unique<RandomAccessFile>(*this, path, std::move(real));
  return status;
}

template <class Open>
IOStatus FaultFs::open_writable(const std::string& path, const FileOptions& options,
                                std::unique_ptr<rocksdb::FSWritableFile>* file, Reuse reuse,
                                Open&& open) {
  const Lock lock(mutex_);
  const FileKind kind = kind_of(fs::path(path).filename().string());
  if (auto refused = refuse(kind, FileOp::create, path)) return *refused;
  std::unique_ptr<rocksdb::FSWritableFile> real;
  const IOStatus status = open(WritableFile::options_for_target(options), &real);
  if (!status.ok()) return status;
  std::shared_ptr<Inode> inode = reuse == Reuse::yes ? disk_.find(path) : nullptr;
  if (!inode) inode = disk_.create(path);
  if (kind == FileKind::wal) newest_log_ = inode->path;
  *file = std::make_unique<WritableFile>(*this, std::move(inode), options, std::move(real));
  return status;
}

IOStatus FaultFs::NewWritableFile(const std::string& path, const FileOptions& options,
                                  std::unique_ptr<rocksdb::FSWritableFile>* file,
                                  IODebugContext* debug) {
  return open_writable(path, options, file, Reuse::no, [&](const FileOptions& ours, auto* real) {
    return target_->NewWritableFile(path, ours, real, debug);
  });
}

IOStatus FaultFs::ReopenWritableFile(const std::string& path, const FileOptions& options,
                                     std::unique_ptr<rocksdb::FSWritableFile>* file,
                                     IODebugContext* debug) {
  return open_writable(path, options, file, Reuse::yes, [&](const FileOptions& ours, auto* real) {
    return target_->ReopenWritableFile(path, ours, real, debug);
  });
}

// RocksDB's own fallback; we keep no logs for another use.
IOStatus FaultFs::ReuseWritableFile(const std::string& path, const std::string& old_path,
                                    const FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    IODebugContext* debug) {
  const IOStatus status = RenameFile(old_path, path, options.io_options, debug);
  return status.ok() ? NewWritableFile(path, options, file, debug) : status;
}

IOStatus FaultFs::NewDirectory(const std::string& path, const IOOptions& options,
                               std::unique_ptr<rocksdb::FSDirectory>* directory,
                               IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSDirectory> real;
  const IOStatus status = target_->NewDirectory(path, options, &real, debug);
  if (status.ok()) *directory = std::make_unique<Directory>(*this, std::move(real));
  return status;
}

IOStatus FaultFs::DeleteFile(const std::string& path, const IOOptions& options,
                             IODebugContext* debug) {
  const Lock lock(mutex_);
  const FileKind kind = kind_of(fs::path(path).filename().string());
  if (auto refused = refuse(kind, FileOp::remove, path)) return *refused;
  if (!disk_.find(path)) return target_->DeleteFile(path, options, debug);
  disk_.remove(path);
  return IOStatus::OK();
}

IOStatus FaultFs::RenameFile(const std::string& from, const std::string& to,
                             const IOOptions& options, IODebugContext* debug) {
  const Lock lock(mutex_);
  const FileKind kind = kind_of(fs::path(to).filename().string());
  if (auto refused = refuse(kind, FileOp::rename, to)) return *refused;
  disk_.rename(from, to);
  return target_->RenameFile(from, to, options, debug);
}

IOStatus FaultFs::GetFreeSpace(const std::string& path, const IOOptions& options,
                               std::uint64_t* bytes, IODebugContext* debug) {
  {
    const Lock lock(mutex_);
    if (capacity_ != std::numeric_limits<std::uint64_t>::max()) {
      *bytes = room();
      return IOStatus::OK();
    }
  }
  return target_->GetFreeSpace(path, options, bytes, debug);
}

}  // namespace pawl::test
