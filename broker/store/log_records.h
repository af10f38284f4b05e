#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/core/types.h"

namespace pawl::store {

// A write batch as it stands in one of RocksDB's logs, as far as we need to know it.
struct LoggedBatch {
  std::uint64_t first = 0;     // RocksDB's number of its first operation.
  std::uint64_t count = 0;     // Of operations: the next batch begins at first + count.
  core::CommitSeq commit = 0;  // Ours; 0 for a batch that is no commit.
  std::uint64_t synced = 0;    // The last operation that was on disk when this was written.
  std::size_t end = 0;         // Where it ends in the file.
};

// Reads the bytes of one log, record by record:
//
//   log     blocks of 32 KiB; a rest of a block under 7 bytes is zeros
//   block   fragments: crc:le32 (masked, of type and bytes) length:le16 type:u8 bytes
//           type 1 a whole record | 2 its first fragment | 3 one in the middle | 4 the last
//   record  first:le64 count:le32 operations
class LogRecords {
 public:
  explicit LogRecords(std::string_view log) : log_(log) {}

  // The next batch; nothing at the end of the log, and at the first thing that does not fit.
  std::optional<LoggedBatch> peek();
  // It belongs here: go on behind it.
  void accept(const LoggedBatch& batch) { good_end_ = batch.end; }
  // The same with the record as it stands: of a MANIFEST, which is a log too. Valid until the next
  // call.
  std::optional<std::string_view> next_record();

  // Nothing is left but zeros, which nobody has written.
  bool at_clean_end() const;
  // Where the last accepted record ended.
  std::size_t end() const { return good_end_; }

  // The first batch at or after `from` that stands whole.
  std::optional<LoggedBatch> find_behind(std::size_t from);

 private:
  struct Fragment {
    std::uint8_t type = 0;
    std::string_view bytes;
    std::size_t end = 0;
  };

  std::optional<Fragment> fragment_at(std::size_t at) const;
  std::size_t after_trailer(std::size_t at) const;
  // Puts the record together in `pieces_`; its end.
  std::optional<std::size_t> record_from(std::size_t at);
  std::optional<LoggedBatch> batch_from(std::size_t at);
  static std::optional<LoggedBatch> decode(std::string_view record);

  std::string_view log_;
  std::size_t good_end_ = 0;
  std::string pieces_;
};

}  // namespace pawl::store
