#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "broker/store/store.h"

namespace rocksdb {
class FileSystem;
}

namespace pawl::store {

// What a RocksStore is opened with. The defaults keep its memory under about 120 MiB whatever is
// stored.
struct RocksOptions {
  std::filesystem::path directory;  // Made when it is missing.

  std::size_t cache_bytes = 32 << 20;  // Blocks, indexes and filters of the files.
  std::size_t write_buffer_bytes =
      16 << 20;  // Of `batches`, which gets nearly all bytes; twice while it is flushed.
  std::size_t wal_bytes = 96 << 20;      // What a restart has to read again, at most.
  std::size_t reserve_bytes = 64 << 20;  // Disk space kept for completions; less on a small disk.
  // Disk space that log and buffers may still need for what was taken: space() does not offer it,
  // and a disk that has less than twice as much is refused. See work_bytes_for().
  std::uint64_t work_bytes = 0;

  // Told in a sentence about what an operator should know and what is not an error.
  std::function<void(std::string_view)> note;

  // For tests: the file system below RocksDB and the disk's space; the real ones when empty.
  std::shared_ptr<rocksdb::FileSystem> file_system;
  std::function<Space()> space;
};

// The log grows up to its bound before any of it is let go, and meanwhile each buffer may have to
// be written to a file.
std::uint64_t work_bytes_for(const RocksOptions& options);

}  // namespace pawl::store
