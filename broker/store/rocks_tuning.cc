#include "broker/store/rocks_tuning.h"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>

#include "broker/store/rocks_codec.h"

namespace pawl::store {

namespace {

// Some file systems (older tmpfs, some network ones) refuse it, and RocksDB then refuses to open.
bool takes_direct_io(const std::filesystem::path& directory) {
  const std::filesystem::path probe = directory / "direct-io";
  const int file = ::open(probe.c_str(), O_WRONLY | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
  if (file >= 0) ::close(file);
  ::unlink(probe.c_str());
  return file >= 0;
}

std::size_t buffer_bytes(core::Table table, const RocksOptions& options) {
  switch (table) {
    case core::Table::batches:
      return options.write_buffer_bytes;
    case core::Table::outcomes:
    case core::Table::results:
    case core::Table::jobs:
    case core::Table::ready:
    case core::Table::listed:
      return options.write_buffer_bytes / 4;
    default:
      return options.write_buffer_bytes / 8;
  }
}

rocksdb::BlockBasedTableOptions table_options(const RocksParts& parts) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = parts.cache;
  // Lists and windows are read in order, so larger blocks than the usual 4 KiB: less index.
  table.block_size = 16 << 10;
  table.format_version = 5;
  // The fastest of those offered; verified at each read (ReadOptions::verify_checksums).
  table.checksum = rocksdb::kXXH3;
  // Indexes and filters live in the cache, in parts: else their memory would grow with the backlog.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.metadata_block_size = 4 << 10;
  table.pin_top_level_index_and_filter = true;
  return table;
}

rocksdb::ColumnFamilyOptions common_options(std::size_t buffer) {
  rocksdb::ColumnFamilyOptions column;
  column.write_buffer_size = buffer;
  // One is filled, one is written to disk, one is ready in case that the disk is slow.
  column.max_write_buffer_number = 3;
  column.arena_block_size = std::min<std::size_t>(buffer / 8, 256 << 10);
  // Keys come nearly ascending: looking for a place from the last one on costs a third of a search.
  column.memtable_insert_with_hint_prefix_extractor.reset(
      rocksdb::NewFixedPrefixTransform(codec::kShardBytes));
  // Payloads are the clients' bytes; those who want them small compress them once, at their side,
  // and not at each broker's flush and compaction. Keys and small values are a few percent.
  column.compression = rocksdb::kNoCompression;
  column.target_file_size_base = 64 << 20;
  column.max_bytes_for_level_base = 256 << 20;
  column.force_consistency_checks = true;
  // A queue leaves erased rows at its head: files that hold many are compacted before their turn.
  column.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(16'384, 8'192));
  return column;
}

// The client's bytes are nearly all that is stored. As blobs they are written once when their
// memtable is flushed; compactions move only their keys, and when the reaper has erased all of a
// file's batches, which it does in the order of their age, the file goes as a whole.
void keep_apart(rocksdb::ColumnFamilyOptions& column) {
  column.enable_blob_files = true;
  column.min_blob_size = 4 << 10;  // Below it a place of its own costs more than being moved once.
  column.blob_file_size = 64 << 20;
  // A few batches that outlive the others of their file move on, so that they do not keep it.
  column.enable_blob_garbage_collection = true;
  column.blob_garbage_collection_age_cutoff = 0.25;
  column.blob_garbage_collection_force_threshold = 0.5;
}

std::size_t own_buffer_bytes(const RocksOptions& options) {
  return options.write_buffer_bytes / 8;
}

}  // namespace

std::uint64_t work_bytes_for(const RocksOptions& options) {
  std::uint64_t bytes = options.wal_bytes + own_buffer_bytes(options);
  for (std::size_t i = 0; i < core::kTableCount; ++i) {
    bytes += buffer_bytes(static_cast<core::Table>(i), options);
  }
  return bytes;
}

std::shared_ptr<rocksdb::Cache> make_cache(const RocksOptions& options) {
  rocksdb::LRUCacheOptions cache;
  cache.capacity = options.cache_bytes;
  cache.num_shard_bits = 2;  // Two threads read.
  cache.high_pri_pool_ratio = 0.5;
  return rocksdb::NewLRUCache(cache);
}

rocksdb::DBOptions database_options(const RocksOptions& options, const RocksParts& parts) {
  rocksdb::DBOptions database;
  database.env = parts.env.get();
  database.create_if_missing = true;
  database.create_missing_column_families = true;
  database.listeners = {parts.listener};
  database.info_log = parts.log;

  // A failed sync or write is never tried again behind our back: the process stops and reads back
  // what is there.
  database.max_bgerror_resume_count = 0;
  database.paranoid_checks = true;
  // What was acknowledged is never rolled back: only an incomplete record at the very end of a log
  // is let go, anything else that does not fit refuses to open. (RocksDB's default drops everything
  // after the first damaged record.)
  database.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // A log that is missing, or shorter than it was when it was closed, is noticed.
  database.track_and_verify_wals_in_manifest = true;

  // One thread writes.
  database.allow_concurrent_memtable_write = false;
  database.enable_write_thread_adaptive_yield = false;
  // Bounds what a restart reads again; tables that change little are flushed for it.
  database.max_total_wal_size = options.wal_bytes;

  // What is flushed is rarely read again soon: the engine keeps the head of each lane in memory.
  // Past the page cache a flush costs a third of the time in the kernel.
  database.use_direct_io_for_flush_and_compaction = takes_direct_io(options.directory);
  // What is read is mostly read on: pages of lanes, batches one after the other.
  database.advise_random_on_open = false;
  // One flush and one compaction at a time: the processors belong to those who wait for answers.
  database.max_background_jobs = 2;
  database.max_open_files = 1024;
  // At the start each table's files are opened by threads of its own: the usual 16 for each of our
  // tables are hundreds of threads that mostly find nothing to do.
  database.max_file_opening_threads = 2;

  // No threads and files of statistics that nobody asks for.
  database.stats_dump_period_sec = 0;
  database.stats_persist_period_sec = 0;
  return database;
}

rocksdb::ColumnFamilyOptions column_options(core::Table table, const RocksOptions& options,
                                            const RocksParts& parts) {
  rocksdb::ColumnFamilyOptions column = common_options(buffer_bytes(table, options));
  rocksdb::BlockBasedTableOptions blocks = table_options(parts);
  if (keyed_by_id(table)) {
    // Most ids that are looked up are in no file or in one.
    column.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(kIdFilterBytes));
    blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    blocks.whole_key_filtering = false;
    blocks.partition_filters = true;
  }
  if (table == core::Table::batches || table == core::Table::results) keep_apart(column);
  column.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  column.compaction_filter = parts.expiry.get();
  return column;
}

rocksdb::ColumnFamilyOptions own_column_options(const RocksOptions& options,
                                                const RocksParts& parts) {
  rocksdb::ColumnFamilyOptions column = common_options(own_buffer_bytes(options));
  column.memtable_insert_with_hint_prefix_extractor.reset();
  column.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(parts)));
  return column;
}

bool keyed_by_id(core::Table table) {
  return table == core::Table::batches || table == core::Table::outcomes ||
         table == core::Table::results || table == core::Table::jobs;
}

}  // namespace pawl::store
