#pragma once

// The little language of the store's tests.

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/store/memory_store.h"
#include "broker/store/rocks_store.h"
#include "tests/store/temp_directory.h"

namespace pawl::test {

using core::Table;
using store::Outcome;

inline constexpr core::ShardId kShard = 7;

enum class Sync : std::uint8_t { synced, written };

struct Terms {
  Sync sync = Sync::synced;
  std::uint64_t at_ms = 1;
};

// A store and the epoch in which it is written.
class Owned {
 public:
  explicit Owned(store::Store& store, core::ShardId shard = kShard)
      : store_(store), shard_(shard), owner_(store.acquire(shard)), next_(owner_.last + 1) {}

  const store::Owner& owner() const { return owner_; }
  core::CommitSeq next() const { return next_; }

  template <class Fill>
  store::Committed commit(Fill&& fill, Terms terms = {}) {
    core::Commit commit;
    fill(commit);
    commit.seq = next_;
    commit.synced = terms.sync == Sync::synced;
    commit.at = core::timestamp_from_ms(terms.at_ms);
    store::Committed result = store_.commit(shard_, owner_.epoch, commit);
    if (result.outcome == Outcome::durable) ++next_;
    return result;
  }

  Outcome put(Table table, std::string_view key, std::string_view value, Terms terms = {}) {
    return commit([&](core::Commit& commit) { commit.put(table, key, value); }, terms).outcome;
  }

  core::ReadAnswer ask(core::Read read) {
    store::ReadResult result = store_.read(shard_, read);
    if (!result.ok) throw std::runtime_error(result.why);
    return std::move(result.answer);
  }

  using Rows = std::vector<std::pair<std::string, std::string>>;
  Rows rows(Table table, std::string_view from = "", std::string_view to = "\xff\xff\xff\xff") {
    core::Read read;
    read.ranges.push_back({table, std::string(from), std::string(to)});
    Rows rows;
    for (const core::Row& row : ask(read).rows) rows.emplace_back(row.key, row.value.view());
    return rows;
  }

 private:
  store::Store& store_;
  core::ShardId shard_;
  store::Owner owner_;
  core::CommitSeq next_;
};

// The two implementations, each with a way to end the process and to start it again.
struct MemoryHarness {
  store::MemoryStore memory{store::MemoryOptions{}};
  store::Store& store() { return memory; }
  void restart() {}
};

struct RocksHarness {
  using Note = std::function<void(std::string_view)>;

  RocksHarness() { open(own_directory.path(), {}); }
  explicit RocksHarness(std::filesystem::path directory, Note note = {}) {
    open(std::move(directory), std::move(note));
  }

  void open(std::filesystem::path directory, Note note) {
    options.directory = std::move(directory);
    options.note = std::move(note);
    options.reserve_bytes = 0;
    restart();
  }
  store::Store& store() { return *rocks; }
  void restart() {
    rocks.reset();
    rocks = std::make_unique<store::RocksStore>(options);
  }

  TempDirectory own_directory;
  store::RocksOptions options;
  std::unique_ptr<store::RocksStore> rocks;
};

}  // namespace pawl::test
