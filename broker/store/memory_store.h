#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "broker/core/limits.h"
#include "broker/store/store.h"

namespace pawl::store {

struct MemoryOptions {
  Caps caps{.ops_max = 1'000'000,
            .bytes_max = 64 << 20,
            .key_bytes_max = 1 << 10,
            .value_bytes_max = core::limits::kValueBytesMax,
            .bytes_preferred = 2 << 20};
  // Keeps what crash() needs: the old value of every row that commits since the last synced one
  // have touched.
  enum class Crashes : std::uint8_t { possible, never } crashes = Crashes::possible;
};

// The store in memory: deterministic, for tests, simulation and brokers that shall forget. Stricter
// than a disk: a put_new of a present key and an erase_once of a key that was not put exactly once
// are rejected.
class MemoryStore final : public Store {
 public:
  explicit MemoryStore(MemoryOptions options = {}) : options_(options) {}

  Caps caps() const override { return options_.caps; }
  Owner acquire(core::ShardId shard) override;
  Committed commit(core::ShardId shard, core::Epoch epoch, const core::Commit& commit) override;
  ReadResult read(core::ShardId shard, const core::Read& read) override;
  Space space() const override;

  // Faults. Each is used up by one commit; several queue up, `none` lets one commit pass.
  enum class Fault : std::uint8_t { none, rejected, fenced, unknown_applied, unknown_lost };
  void inject(Fault fault);
  void fail_next_read(std::string why);
  void set_space(Space space);

  // What a power cut does: the owner is gone, and of the commits after the last synced one only the
  // first `tail_kept` are left.
  void crash(std::size_t tail_kept = 0);
  // Commits after the last synced one.
  std::size_t unsynced(core::ShardId shard) const;

 private:
  struct Value {
    std::string bytes;
    core::Timestamp expires_at{};
    bool overwritten = false;  // Since it was put first.
  };
  using Rows = std::map<std::string, Value, std::less<>>;
  struct Before {
    core::Table table{};
    std::string key;
    std::optional<Value> value;
  };
  struct Undo {
    Owner owner;
    std::vector<Before> rows;
  };
  struct Shard {
    Owner owner;
    enum class Epoch : std::uint8_t { running, over } epoch = Epoch::over;
    Rows tables[core::kTableCount];
    std::deque<Undo> tail;  // Oldest first.
  };

  static std::string apply(Shard& shard, const core::Commit& commit, Undo& undo);
  static std::string apply(Shard& shard, const core::Op& op, Undo& undo);
  static void roll_back(Shard& shard, Undo& undo);
  std::string refusal(const Shard& shard, const core::Commit& commit) const;
  Committed write(Shard& shard, const core::Commit& commit);
  Fault next_fault();

  const MemoryOptions options_;
  mutable std::mutex mutex_;
  std::map<core::ShardId, Shard> shards_;
  std::deque<Fault> faults_;
  std::string read_failure_;
  Space space_{.free_bytes = std::uint64_t{1} << 40, .total_bytes = std::uint64_t{1} << 41};
};

}  // namespace pawl::store
