#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <rocksdb/file_system.h>

#include "tests/faults/disk_state.h"

namespace pawl::test {

enum class FileOp : std::uint8_t { create, append, sync, truncate, close, rename, remove, read };
inline constexpr std::size_t kFileOps = 8;
const char* to_string(FileOp op);

// Below RocksDB: real files, with a disk of ours underneath that can fail, be full and lose its
// power. A sync is only noted, not carried out, so that a test runs as quickly as memory.
// Thread-safe; one operation at a time.
class FaultFs final : public rocksdb::FileSystemWrapper {
 public:
  struct Rule {
    FileKind kind = FileKind::wal;
    FileOp op = FileOp::sync;
    std::size_t nth = 1;  // From now on.
    enum class Effect : std::uint8_t { io_error, no_space, short_write };
    Effect effect = Effect::io_error;
  };

  // `directory` is the store's: RocksDB's files are in its `db`, the sync mark is `synced`.
  explicit FaultFs(std::filesystem::path directory);

  void fail(const Rule& rule);
  bool fired() const;
  // How often it happened since the start or the last rule.
  std::size_t seen(FileKind kind, FileOp op) const;

  // A disk of this size, of which the store's other file named `beside` takes its share.
  void fill(std::uint64_t capacity, std::filesystem::path beside = {});
  std::uint64_t free_bytes() const;
  std::uint64_t used_bytes() const;

  // The power goes at the n-th change from now on: it and whatever comes later fails.
  void cut_at(std::size_t nth);
  bool is_cut() const;
  std::size_t changes() const;  // Since the start or the last rule.
  // It goes now at the latest; `into` gets what is left, the sync mark too: the newest, an older
  // one, a torn one or none.
  CrashImage power_cut(Random& random, const std::filesystem::path& into);
  // What a process that starts now would find.
  void copy(DiskState::Unsynced unsynced, const std::filesystem::path& into);

  const char* Name() const override { return "FaultFs"; }
  rocksdb::IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options,
                                 std::uint64_t* bytes, rocksdb::IODebugContext* debug) override;

 private:
  class WritableFile;
  class RandomAccessFile;
  class SequentialFile;
  class Directory;
  using Lock = std::lock_guard<std::mutex>;

  // Counts the operation; the status that it has to end with when it is to fail.
  std::optional<rocksdb::IOStatus> refuse(FileKind kind, FileOp op, const std::string& path);
  std::uint64_t used() const;
  std::uint64_t room() const;
  template <class Write>
  rocksdb::IOStatus write(Inode& file, rocksdb::Slice bytes, std::uint64_t at,
                          std::uint64_t alignment, Write&& write);
  enum class Reuse : std::uint8_t { no, yes };  // Of the file that has the name.
  template <class Open>
  rocksdb::IOStatus open_writable(const std::string& path, const rocksdb::FileOptions& options,
                                  std::unique_ptr<rocksdb::FSWritableFile>* file, Reuse reuse,
                                  Open&& open);
  rocksdb::IOStatus sync(Inode& file);
  rocksdb::IOStatus sync_directory();
  void note_mark();

  const std::filesystem::path directory_;
  mutable std::mutex mutex_;
  DiskState disk_;
  std::array<std::array<std::size_t, kFileOps>, kFileKinds> seen_{};
  std::optional<Rule> rule_;
  bool fired_ = false;
  std::uint64_t capacity_ = std::numeric_limits<std::uint64_t>::max();
  std::filesystem::path beside_;
  std::size_t changes_ = 0;
  std::size_t cut_at_ = std::numeric_limits<std::size_t>::max();
  std::filesystem::path newest_log_;
  bool cut_ = false;
  std::vector<std::string> marks_;  // Each that was ever on the way to the disk.
};

}  // namespace pawl::test
