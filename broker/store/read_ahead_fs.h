#pragma once

#include <memory>

#include <rocksdb/file_system.h>

namespace pawl::store {

// Blob files that are read in order come whole stretches at a time, ahead of need and past the page
// cache, whose copying costs more than all else of it. RocksDB asks for each blob by itself.
// Everything else is as in `below`.
std::shared_ptr<rocksdb::FileSystem> make_read_ahead_fs(
    const std::shared_ptr<rocksdb::FileSystem>& below);

}  // namespace pawl::store
