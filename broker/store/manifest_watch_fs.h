#pragma once

#include <functional>
#include <memory>

#include <rocksdb/file_system.h>

#include "broker/store/sync_mark.h"

namespace pawl::store {

// Over `below`: tells how much of a MANIFEST has reached the disk, after each sync of it and from
// the thread that synced. Everything else is as in `below`.
std::shared_ptr<rocksdb::FileSystem> make_manifest_watch_fs(
    const std::shared_ptr<rocksdb::FileSystem>& below,
    std::function<void(const ManifestMark&)> on_synced);

}  // namespace pawl::store
