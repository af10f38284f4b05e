#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <rocksdb/db.h>

#include "broker/store/answer_rows.h"
#include "broker/store/rocks_rows.h"
#include "broker/store/store.h"

namespace pawl::store {

// Answers one question from one snapshot.
class RocksRead {
 public:
  // `columns` by table, the store's own last. `prefix` is the shard's.
  RocksRead(rocksdb::DB& db, const std::vector<rocksdb::ColumnFamilyHandle*>& columns,
            const std::string& prefix);

  ReadResult answer(const std::string& owner_key, const core::Read& read);
  // Why the answer failed: what is on the disk is not what was written, or the disk does not read.
  enum class Failure : std::uint8_t { disk, damage };
  Failure failure() const { return failure_; }

 private:
  enum class Walk : std::uint8_t { ended, full, failed };

  std::string learn_as_of(const std::string& owner_key);
  void announce(const core::Read& read);
  Walk walk(std::uint32_t index, const core::Range& range, AnswerRows& rows);
  void learn_failure(const rocksdb::Status& status, core::Table table);

  rocksdb::DB& db_;
  const std::vector<rocksdb::ColumnFamilyHandle*>& columns_;
  const std::string& prefix_;
  rocksdb::ManagedSnapshot snapshot_;
  Owner as_of_;
  std::array<std::optional<RocksRows>, core::kTableCount> tables_;
  std::string why_;
  Failure failure_ = Failure::disk;
  std::string from_;
  std::string to_;
};

}  // namespace pawl::store
