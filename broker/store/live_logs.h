#pragma once

#include <cstdint>
#include <filesystem>

#include "broker/store/sync_mark.h"

namespace pawl::store {

// The number of the first of RocksDB's logs that it still needs; what older ones hold is in its
// tables, and they only wait to be let go. Read from the MANIFEST in `directory`, as far as it can
// be read: opening the database will tell about the rest. 0 when nothing is known.
std::uint64_t first_live_log(const std::filesystem::path& directory);

// Throws std::runtime_error when CURRENT is missing beside files that it should lead to. RocksDB
// would begin a fresh database in its place and let go of all of them.
void check_current(const std::filesystem::path& directory);

// Throws std::runtime_error when the MANIFEST in force is shorter than `mark` says it was: RocksDB
// takes one that ends between two of its records for a whole one.
void check_manifest(const std::filesystem::path& directory, const ManifestMark& mark);

}  // namespace pawl::store
