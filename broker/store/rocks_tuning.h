#pragma once

// Every choice of ours about RocksDB, each with its reason: rocks_tuning.cc.

#include <memory>

#include <rocksdb/cache.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/options.h>

#include "broker/core/changes.h"
#include "broker/store/rocks_options.h"

namespace pawl::store {

// What the column families of one store share.
struct RocksParts {
  std::shared_ptr<rocksdb::Env> env;
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<rocksdb::EventListener> listener;
  std::shared_ptr<rocksdb::Logger> log;
  std::shared_ptr<rocksdb::CompactionFilter> expiry;
};

std::shared_ptr<rocksdb::Cache> make_cache(const RocksOptions& options);
rocksdb::DBOptions database_options(const RocksOptions& options, const RocksParts& parts);

// Of one of the engine's tables, and of the store's own records.
rocksdb::ColumnFamilyOptions column_options(core::Table table, const RocksOptions& options,
                                            const RocksParts& parts);
rocksdb::ColumnFamilyOptions own_column_options(const RocksOptions& options,
                                                const RocksParts& parts);

// Tables whose keys begin with a job's or batch's id: a filter tells which files know it.
bool keyed_by_id(core::Table table);
// Of a key on disk, what those filters look at: the shard and an id up to its last 16 bits, which
// hold the index.
inline constexpr std::size_t kIdFilterBytes = 16;

}  // namespace pawl::store
