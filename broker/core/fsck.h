#pragma once

// Whether the tables of a shard agree with each other. Pure, as the engine is: rows come in,
// findings come out. `pawld fsck` runs it on a data directory, the simulation on every state that a
// crash leaves behind.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/blob.h"
#include "broker/core/changes.h"
#include "broker/core/job_state.h"
#include "broker/core/types.h"

namespace pawl::core {

struct FsckReport {
  std::vector<std::string> findings;  // The first ones, a sentence each.
  std::uint64_t findings_count = 0;   // All of them. 0: the tables agree.

  // Jobs by state. Leased ones are processing as far as their grant is stored.
  std::array<std::uint64_t, kJobStateCount> jobs{};
  std::uint64_t batches = 0;
  std::uint64_t receipts = 0;
  std::uint64_t lanes = 0;
  std::uint64_t sessions = 0;
  std::uint64_t grants = 0;

  // Of each job by batch and index; none: refused, or past its retention.
  std::map<BatchId, std::vector<JobState>> states;

  std::uint64_t count(JobState state) const { return jobs[static_cast<std::size_t>(state)]; }
};

// Takes the rows of all tables one by one, in any order of tables; each table in the order of its
// keys. Keeps what the rows say, but no payload.
class Fsck {
 public:
  Fsck();
  ~Fsck();
  Fsck(const Fsck&) = delete;
  Fsck& operator=(const Fsck&) = delete;

  void add(Table table, std::string_view key, const Blob& value);
  // Once, after the last row.
  FsckReport finish();

 private:
  struct Books;
  std::unique_ptr<Books> books_;
};

struct StoredRow {
  Table table = Table::meta;
  std::string key;
  Blob value;
};
FsckReport check_tables(const std::vector<StoredRow>& rows);

}  // namespace pawl::core
