#include "broker/store/rocks_store.h"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/file_system.h>
#include <rocksdb/listener.h>
#include <rocksdb/write_batch.h>
#include <sys/statvfs.h>

#include "broker/core/assert.h"
#include "broker/core/bytes_io.h"
#include "broker/core/keys.h"
#include "broker/core/limits.h"
#include "broker/store/caps.h"
#include "broker/store/kill_point.h"
#include "broker/store/live_logs.h"
#include "broker/store/log_audit.h"
#include "broker/store/make_directory.h"
#include "broker/store/manifest_watch_fs.h"
#include "broker/store/read_ahead_fs.h"
#include "broker/store/rocks_checks.h"
#include "broker/store/rocks_codec.h"
#include "broker/store/rocks_log.h"
#include "broker/store/rocks_read.h"
#include "broker/store/rocks_tuning.h"

namespace pawl::store {

namespace {

constexpr std::size_t kOwnColumn = core::kTableCount;
// A write batch that grew larger for one commit gives its memory back.
constexpr std::size_t kBatchBytesKept = 8 << 20;

constexpr Caps kCaps{.ops_max = 1'000'000,
                     .bytes_max = 64 << 20,
                     .key_bytes_max = 1 << 10,
                     .value_bytes_max = core::limits::kValueBytesMax,
                     .bytes_preferred = 2 << 20,
                     .recovery = Caps::Recovery::restart};

Space space_at(const std::filesystem::path& directory) {
  struct statvfs stat {};
  if (::statvfs(directory.c_str(), &stat) != 0) return {};
  return {.free_bytes = std::uint64_t{stat.f_bavail} * stat.f_frsize,
          .total_bytes = std::uint64_t{stat.f_blocks} * stat.f_frsize};
}

void add(rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* column, std::string_view prefix,
         const core::Op& op) {
  const std::array<rocksdb::Slice, 2> key_parts{prefix, op.key};
  const rocksdb::SliceParts key(key_parts.data(), key_parts.size());
  rocksdb::Status status;
  switch (op.kind) {
    case core::Op::Kind::put_new:
    case core::Op::Kind::put: {
      const std::string value_prefix = codec::value_prefix(op.expires_at);
      const std::array<rocksdb::Slice, 3> value_parts{value_prefix, op.head, op.tail.view()};
      status = batch.Put(column, key, rocksdb::SliceParts(value_parts.data(), value_parts.size()));
      break;
    }
    case core::Op::Kind::erase:
      status = batch.Delete(column, key);
      break;
    case core::Op::Kind::erase_once:
      status = batch.SingleDelete(column, key);
      break;
  }
  PAWL_ASSERT(status.ok());
}

}  // namespace

// The place of a shard's owner in this process.
struct RocksStore::Seat {
  explicit Seat(core::ShardId shard)
      : prefix(codec::shard_prefix(shard)), owner_key(codec::owner_key(shard)) {}

  const std::string prefix;
  const std::string owner_key;
  Owner owner;
  enum class Epoch : std::uint8_t { running, over } epoch = Epoch::over;
  rocksdb::WriteBatch batch;

  // Neighbours cost a memtable a few comparisons each, strangers a whole search: sorted commits of
  // many small rows cost a quarter less. The order of the operations on one key stays.
  const std::vector<const core::Op*>& in_key_order(const core::Commit& commit) {
    sorted.clear();
    for (const core::Op& op : commit.ops()) sorted.push_back(&op);
    std::stable_sort(sorted.begin(), sorted.end(), [](const core::Op* a, const core::Op* b) {
      return a->table != b->table ? a->table < b->table : a->key < b->key;
    });
    return sorted;
  }
  std::vector<const core::Op*> sorted;
};

// Stops the store at the first error that RocksDB meets in the background, and keeps RocksDB from
// going on by itself.
class RocksStore::Events final : public rocksdb::EventListener {
 public:
  explicit Events(RocksStore& store) : store_(store) {}

  void OnFlushBegin(rocksdb::DB*, const rocksdb::FlushJobInfo&) override {
    PAWL_KILL_POINT("store.flush.begin");
  }
  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo&) override {
    PAWL_KILL_POINT("store.flush.done");
  }
  void OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo&) override {
    PAWL_KILL_POINT("store.compaction.done");
  }

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override {
    // A compaction that finds no room changes nothing and is tried again; new jobs are refused
    // meanwhile, and completions are taken as long as the log has room.
    if (reason == rocksdb::BackgroundErrorReason::kCompaction && status->IsNoSpace()) {
      store_.options_.note("the disk has no room to compact files: " + status->ToString());
      *status = rocksdb::Status::OK();
      return;
    }
    if (status->IsCorruption()) store_.damaged_ = true;
    store_.fail(status->ToString());
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  RocksStore& store_;
};

// Lets rows go that have expired by the time of the newest commit.
class RocksStore::Expiry final : public rocksdb::CompactionFilter {
 public:
  const char* Name() const override { return "pawl.expiry"; }
  bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& stored, std::string*,
              bool*) const override {
    if (stored.empty() || stored[0] == 0) return false;
    const auto value = codec::decode_value(stored.ToStringView());
    return value && value->expired(core::timestamp_from_ms(now_ms.load(std::memory_order_relaxed)));
  }
  // Of what may be large only the receipts of reaped batches expire: the others need not be read.
  Decision FilterBlobByKey(int, const rocksdb::Slice& key, std::string*,
                           std::string*) const override {
    core::Reader part(key.ToStringView().substr(key.size() - sizeof(core::keys::kReceiptPart)));
    return part.be16() == core::keys::kReceiptPart ? Decision::kUndetermined : Decision::kKeep;
  }

  std::atomic<std::uint64_t> now_ms{0};
};

RocksStore::RocksStore(RocksOptions options) : options_(std::move(options)) {
  if (!options_.note) options_.note = [](std::string_view) {};
  if (!options_.space) {
    options_.space = [directory = options_.directory] { return space_at(directory); };
  }
  make_directory(options_.directory, file_system());
  check_size();
  lock_ = std::make_unique<DirectoryLock>(options_.directory);
  reserve_ = std::make_unique<Reserve>(Reserve::Options{.file = options_.directory / "reserve",
                                                        .bytes = options_.reserve_bytes,
                                                        .space = options_.space,
                                                        .note = options_.note});
  reserve_->settle();
  // So that what log and buffers need is not touched but for a quarter.
  if (options_.work_bytes != 0) {
    allowance_ = std::make_unique<Allowance>(options_.work_bytes / 4);
  }
  mark_ = std::make_unique<SyncMark>(options_.directory / "synced");
  open();
}

RocksStore::~RocksStore() = default;

rocksdb::FileSystem& RocksStore::file_system() const {
  return options_.file_system ? *options_.file_system : *rocksdb::FileSystem::Default();
}

void RocksStore::check_size() const {
  const std::uint64_t total = options_.space().total_bytes;
  if (total == 0 || total >= 2 * options_.work_bytes) return;
  throw std::runtime_error(fmt::format(
      "the disk of {} has only {} MiB in all; with a log of {} MiB and a write buffer of {} MiB "
      "{} MiB are wanted: take a larger disk, or make these two smaller",
      options_.directory.string(), total >> 20, options_.wal_bytes >> 20,
      options_.write_buffer_bytes >> 20, (2 * options_.work_bytes) >> 20));
}

RocksStore::Columns::~Columns() {
  for (rocksdb::ColumnFamilyHandle* handle : handles) database->DestroyColumnFamilyHandle(handle);
}

void RocksStore::open() {
  expiry_ = std::make_shared<Expiry>();
  parts_ = std::make_unique<RocksParts>();
  const auto below = options_.file_system ? options_.file_system : rocksdb::FileSystem::Default();
  parts_->env = rocksdb::NewCompositeEnv(make_read_ahead_fs(make_manifest_watch_fs(
      below, [this](const ManifestMark& manifest) { mark_->store(manifest); })));
  parts_->cache = make_cache(options_);
  parts_->listener = std::make_shared<Events>(*this);
  parts_->log = make_rocks_log(options_.note);
  parts_->expiry = expiry_;

  const std::string path = (options_.directory / "db").string();
  make_directory(path, file_system());  // Else RocksDB complains that there is none.
  check_current(path);
  check_manifest(path, mark_->load().manifest);
  check_logs(path);
  check_tables_known(options_.directory, parts_->env.get());
  std::vector<rocksdb::ColumnFamilyDescriptor> columns;
  for (std::size_t i = 0; i < core::kTableCount; ++i) {
    const auto table = static_cast<core::Table>(i);
    columns.emplace_back(std::string(to_string(table)), column_options(table, options_, *parts_));
  }
  columns.emplace_back(rocksdb::kDefaultColumnFamilyName, own_column_options(options_, *parts_));

  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::Open(database_options(options_, *parts_), path, columns, &columns_.handles, &db);
  if (!status.ok()) throw std::runtime_error(cannot_open(options_.directory, status));
  db_.reset(db);
  // One that was made when the data directory was open to others, and so were its files.
  std::error_code not_ours;
  std::filesystem::permissions(path, std::filesystem::perms::owner_all, not_ours);
  columns_.database = db;
  synced_ = db_->GetLatestSequenceNumber();  // Opening flushes what the logs held.
  commits_ = count_commits(options_.directory, *db_, columns_.handles[kOwnColumn]);
  check_nothing_lost(options_.directory,
                     {.operation = synced_, .commits = commits_, .manifest = {}}, mark_->load(),
                     cut_off_);
  stamp_format();
}

// What the power cut short is cut off for good, so that RocksDB, which cannot tell it from damage,
// meets whole records only.
void RocksStore::check_logs(const std::string& path) {
  for (const TornTail& tail : audit_logs(path, mark_->load().operation)) {
    cut_off(tail, options_.directory);
    cut_off_ = fmt::format("{}.torn has what was cut off", tail.log.filename().string());
    options_.note(
        fmt::format("{} ended in an unfinished write: cut off {} bytes that were never "
                    "acknowledged",
                    tail.log.string(), tail.torn_bytes));
  }
}

void RocksStore::stamp_format() {
  rocksdb::ColumnFamilyHandle* own = columns_.handles[kOwnColumn];
  std::string stored;
  rocksdb::Status status = db_->Get({}, own, rocksdb::Slice(codec::kFormatKey), &stored);
  if (status.IsNotFound()) {
    core::Writer(stored).be32(codec::kFormat);
    rocksdb::WriteOptions synced;
    synced.sync = true;
    status = db_->Put(synced, own, rocksdb::Slice(codec::kFormatKey), stored);
  }
  if (!status.ok()) throw std::runtime_error(cannot_open(options_.directory, status));
  check_format(options_.directory, stored);
}

Caps RocksStore::caps() const {
  return kCaps;
}

rocksdb::ColumnFamilyHandle* RocksStore::column(core::Table table) const {
  return columns_.handles[static_cast<std::size_t>(table)];
}

RocksStore::Seat* RocksStore::seat_of(core::ShardId shard) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Seat>& seat = seats_[shard];
  if (!seat) seat = std::make_unique<Seat>(shard);
  return seat.get();
}

Owner RocksStore::acquire(core::ShardId shard) {
  if (failed_.load()) throw std::runtime_error(failure());
  PAWL_KILL_POINT("store.acquire.before");
  Seat& seat = *seat_of(shard);
  rocksdb::ColumnFamilyHandle* own = columns_.handles[kOwnColumn];
  std::string stored;
  rocksdb::Status status = db_->Get({}, own, seat.owner_key, &stored);
  codec::OwnerRecord record;
  if (status.ok()) {
    const auto decoded = codec::decode_owner(stored);
    if (!decoded) status = rocksdb::Status::Corruption("the owner's record cannot be read");
    if (decoded) record = *decoded;
  } else if (status.IsNotFound()) {
    status = rocksdb::Status::OK();
  }
  ++record.owner.epoch;
  record.synced = synced_;
  if (status.ok()) {
    rocksdb::WriteBatch batch;
    status = batch.Put(own, seat.owner_key, codec::encode(record));
    if (status.ok()) status = log(batch, core::Durability::synced);
  }
  if (!status.ok()) throw std::runtime_error(cannot_open(options_.directory, status));
  PAWL_KILL_POINT("store.acquire.after");
  seat.owner = record.owner;
  seat.epoch = Seat::Epoch::running;
  return record.owner;
}

Committed RocksStore::commit(core::ShardId shard, core::Epoch epoch, const core::Commit& commit) {
  Seat& seat = *seat_of(shard);
  if (failed_.load()) return {Outcome::fenced, failure()};
  if (seat.epoch == Seat::Epoch::over || epoch != seat.owner.epoch) {
    return {Outcome::fenced, "the epoch is over"};
  }
  Committed result;
  if (commit.seq != seat.owner.last + 1) {
    result = {Outcome::rejected,
              fmt::format("commit {} does not follow {}", commit.seq, seat.owner.last)};
  } else if (std::string why = violation_of(kCaps, commit); !why.empty()) {
    result = {Outcome::rejected, std::move(why)};
  } else {
    result = write(seat, commit);
  }
  if (result.outcome != Outcome::durable) seat.epoch = Seat::Epoch::over;
  return result;
}

Committed RocksStore::write(Seat& seat, const core::Commit& commit) {
  codec::OwnerRecord record{seat.owner, synced_};
  record.owner.last = commit.seq;
  record.owner.at = std::max(record.owner.at, commit.at);
  rocksdb::WriteBatch& batch = seat.batch;
  batch.Clear();
  rocksdb::Status status =
      batch.Put(columns_.handles[kOwnColumn], seat.owner_key, codec::encode(record));
  PAWL_ASSERT(status.ok());
  for (const core::Op* op : seat.in_key_order(commit)) {
    add(batch, column(op->table), seat.prefix, *op);
  }

  expiry_->now_ms.store(core::to_ms(record.owner.at), std::memory_order_relaxed);
  if (allowance_) allowance_->spend(batch.GetDataSize());
  PAWL_KILL_POINT("store.commit.before", &commit);
  status = log(batch, commit.synced ? core::Durability::synced : core::Durability::written);
  if (!status.ok()) {
    fail(status.ToString());
    return {Outcome::unknown, status.ToString()};
  }
  seat.owner = record.owner;
  if (batch.GetDataSize() > kBatchBytesKept) batch = rocksdb::WriteBatch();
  return {};
}

rocksdb::Status RocksStore::log(rocksdb::WriteBatch& batch, core::Durability level) {
  // Another shard's batch may come between, then ours ends later than this.
  const std::uint64_t end = db_->GetLatestSequenceNumber() + batch.Count();
  rocksdb::WriteOptions options;
  options.sync = level == core::Durability::synced;
  const std::uint64_t commits_before = commits_;
  const rocksdb::Status status = db_->Write(options, &batch);
  if (!status.ok()) return status;
  PAWL_KILL_POINT("store.commit.written");
  ++commits_;
  if (!options.sync) return status;
  std::uint64_t before = synced_;
  while (before < end && !synced_.compare_exchange_weak(before, end)) {
  }
  mark_->store(end, commits_before + 1);
  return status;
}

void RocksStore::fail(std::string why) {
  const std::lock_guard lock(mutex_);
  if (failure_.empty()) failure_ = std::move(why);
  failed_.store(true);
}

std::string RocksStore::failure() const {
  const std::lock_guard lock(mutex_);
  return fmt::format("the store in {} has failed: {}", options_.directory.string(), failure_);
}

ReadResult RocksStore::read(core::ShardId shard, const core::Read& read) {
  if (failed_.load()) return {false, failure(), {}};
  const Seat& seat = *seat_of(shard);
  RocksRead reading(*db_, columns_.handles, seat.prefix);
  ReadResult result = reading.answer(seat.owner_key, read);
  if (result.ok) return result;
  if (reading.failure() == RocksRead::Failure::damage) damaged_ = true;
  result.why =
      fmt::format("cannot read the data directory {}: {}", options_.directory.string(), result.why);
  return result;
}

Space RocksStore::space() const {
  Space space = reserve_->settle();
  space.free_bytes -= std::min(space.free_bytes, options_.work_bytes);
  space.total_bytes -= std::min(space.total_bytes, options_.work_bytes);
  if (allowance_) allowance_->looked(space.free_bytes);
  return space;
}

}  // namespace pawl::store
