#include "broker/store/rocks_tuning.h"

#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

namespace pawl::store {

namespace {

constexpr std::size_t kSmallBuffer = 4 << 20;

std::size_t buffer_bytes(core::Table table, const RocksOptions& options) {
  switch (table) {
    case core::Table::batches:
      return options.write_buffer_bytes;
    case core::Table::results:
    case core::Table::jobs:
    case core::Table::outcomes:
    case core::Table::listed:
    case core::Table::ready:
      return kSmallBuffer;
    default:
      return kSmallBuffer / 2;
  }
}

rocksdb::BlockBasedTableOptions table_options(const RocksParts& parts) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = parts.cache;
  table.block_size = 16 << 10;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  // Indexes and filters live in the cache, in parts: else their memory grows with the backlog.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.metadata_block_size = 4 << 10;
  table.pin_top_level_index_and_filter = true;
  return table;
}

rocksdb::ColumnFamilyOptions common_options(std::size_t buffer, const RocksOptions& options) {
  rocksdb::ColumnFamilyOptions column;
  column.write_buffer_size = buffer;
  column.max_write_buffer_number = 3;
  column.arena_block_size = std::min<std::size_t>(buffer / 8, 256 << 10);
  column.compression = rocksdb::kNoCompression;
  column.level0_file_num_compaction_trigger = 4;
  column.target_file_size_base = 64 << 20;
  column.max_bytes_for_level_base = 256 << 20;
  column.paranoid_file_checks = false;
  column.force_consistency_checks = true;
  (void)options;
  return column;
}

}  // namespace

std::shared_ptr<rocksdb::Cache> make_cache(const RocksOptions& options) {
  rocksdb::LRUCacheOptions cache;
  cache.capacity = options.cache_bytes;
  cache.num_shard_bits = 2;
  cache.high_pri_pool_ratio = 0.5;
  return rocksdb::NewLRUCache(cache);
}

rocksdb::DBOptions database_options(const RocksOptions& options, const RocksParts& parts) {
  rocksdb::DBOptions database;
  database.env = parts.env.get();
  database.create_if_missing = true;
  database.create_missing_column_families = true;
  database.listeners = {parts.listener};

  // A failed sync or write is never tried again behind our back: the process stops and reads back
  // what is there.
  database.max_bgerror_resume_count = 0;
  database.paranoid_checks = true;
  // What was acknowledged is never rolled back: only an incomplete record at the very end of a log
  // is let go, anything else that does not fit refuses to open. (The default mode drops everything
  // after the first damaged record.)
  database.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // A log that is missing or shorter than it was when it was closed is noticed.
  database.track_and_verify_wals_in_manifest = true;

  // One thread writes.
  database.allow_concurrent_memtable_write = false;
  database.enable_write_thread_adaptive_yield = false;
  database.max_total_wal_size = options.wal_bytes;

  database.max_background_jobs = 2;
  database.max_open_files = 1024;
  database.stats_dump_period_sec = 0;
  database.stats_persist_period_sec = 0;
  database.keep_log_file_num = 4;
  database.max_log_file_size = 4 << 20;
  return database;
}

rocksdb::ColumnFamilyOptions column_options(core::Table table, const RocksOptions& options,
                                            const RocksParts& parts) {
  rocksdb::ColumnFamilyOptions column = common_options(buffer_bytes(table, options), options);
  rocksdb::BlockBasedTableOptions blocks = table_options(parts);
  if (keyed_by_id(table)) {
    column.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(kIdFilterBytes));
    column.memtable_prefix_bloom_size_ratio = 0.02;
    blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    blocks.whole_key_filtering = false;
  } else {
    blocks.partition_filters = false;
  }
  column.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  column.compaction_filter = parts.expiry.get();
  return column;
}

rocksdb::ColumnFamilyOptions own_column_options(const RocksOptions& options,
                                                const RocksParts& parts) {
  rocksdb::ColumnFamilyOptions column = common_options(kSmallBuffer / 2, options);
  rocksdb::BlockBasedTableOptions blocks = table_options(parts);
  blocks.partition_filters = false;
  column.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  return column;
}

bool keyed_by_id(core::Table table) {
  return table == core::Table::batches || table == core::Table::outcomes ||
         table == core::Table::results || table == core::Table::jobs;
}

}  // namespace pawl::store
