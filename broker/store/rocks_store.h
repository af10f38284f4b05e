#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "broker/store/allowance.h"
#include "broker/store/directory_lock.h"
#include "broker/store/reserve.h"
#include "broker/store/rocks_options.h"
#include "broker/store/store.h"
#include "broker/store/sync_mark.h"

namespace rocksdb {
class DB;
class ColumnFamilyHandle;
class Status;
class WriteBatch;
}  // namespace rocksdb

namespace pawl::store {

struct RocksParts;

// The store on one machine's disk. Layout of the directory: `lock`, `reserve`, `synced`, and
// RocksDB's files in `db`.
//
// After a commit, flush or compaction that failed (but for a compaction that found no room) nothing
// is written any more: every later commit is fenced, acquire throws, and only opening the directory
// anew tells what is there.
class RocksStore final : public Store {
 public:
  // Throws std::runtime_error with a sentence for people: the directory cannot be used, another
  // broker has it, its format is newer than this program, or its files are damaged.
  explicit RocksStore(RocksOptions options);
  ~RocksStore() override;

  Caps caps() const override;
  Owner acquire(core::ShardId shard) override;
  Committed commit(core::ShardId shard, core::Epoch epoch, const core::Commit& commit) override;
  ReadResult read(core::ShardId shard, const core::Read& read) override;
  Space space() const override;
  // Whether it was a damaged file that made a read or the store fail: a restart mends nothing then.
  bool damaged() const { return damaged_.load(); }

 private:
  struct Seat;
  class Events;
  class Expiry;
  // By table; the store's own is the last. RocksDB wants them back before the database is closed.
  struct Columns {
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* database = nullptr;
    ~Columns();
  };

  rocksdb::FileSystem& file_system() const;
  void check_size() const;
  void open();
  void check_logs(const std::string& path);
  void stamp_format();
  Seat* seat_of(core::ShardId shard);
  Committed write(Seat& seat, const core::Commit& commit);
  rocksdb::Status log(rocksdb::WriteBatch& batch, core::Durability level);
  void fail(std::string why);
  std::string failure() const;
  rocksdb::ColumnFamilyHandle* column(core::Table table) const;

  RocksOptions options_;
  std::unique_ptr<DirectoryLock> lock_;
  std::unique_ptr<Reserve> reserve_;
  std::unique_ptr<Allowance> allowance_;  // Where the space matters.
  std::unique_ptr<SyncMark> mark_;
  std::shared_ptr<Expiry> expiry_;
  std::unique_ptr<RocksParts> parts_;

  mutable std::mutex mutex_;  // Of what follows; never held while the disk works.
  std::map<core::ShardId, std::unique_ptr<Seat>> seats_;
  std::string failure_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> damaged_{false};
  // RocksDB's number of the last operation known to be on disk.
  std::atomic<std::uint64_t> synced_{0};
  std::atomic<std::uint64_t> commits_{0};  // As the sync mark counts them.
  std::string cut_off_;                    // What this start had to cut off; for an error's text.

  // Closed first: until then RocksDB's threads report to what stands above.
  std::unique_ptr<rocksdb::DB> db_;
  Columns columns_;
};

}  // namespace pawl::store
