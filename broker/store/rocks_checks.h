#pragma once

// What a directory has to be like before its rows are trusted; whoever opens it asks. Each throws
// std::runtime_error with a sentence for people.

#include <cstdint>
#include <filesystem>
#include <string>

#include <rocksdb/db.h>

#include "broker/store/sync_mark.h"

namespace pawl::store {

// Names the damaged table files too.
std::string cannot_open(const std::filesystem::path& directory, const rocksdb::Status& status);

// All its tables are known to this version. Passes over a directory that holds nothing yet, and
// over a damaged one, which opening it will tell better.
void check_tables_known(const std::filesystem::path& directory, rocksdb::Env* env);

// The format's number, as it is stored.
void check_format(const std::filesystem::path& directory, std::string_view stored);

// How many commits all shards together had, from their owners' records in the store's own table.
std::uint64_t count_commits(const std::filesystem::path& directory, rocksdb::DB& db,
                            rocksdb::ColumnFamilyHandle* own);

// What was found in the database has everything that `mark` tells of. `cut_off` is what had to be
// left out of the logs, for the text.
void check_nothing_lost(const std::filesystem::path& directory, const Synced& found,
                        const Synced& mark, const std::string& cut_off);

}  // namespace pawl::store
