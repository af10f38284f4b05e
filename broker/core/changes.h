#pragma once

// What the engine wants done: puts and erases by table (one commit), reads, replies. Values only;
// the runtime and the store carry them out.

#include <cstdint>
#include <deque>
#include <memory>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/blob.h"
#include "broker/core/reply.h"
#include "broker/core/types.h"

namespace pawl::core {

// One per column family. Key grammar of each: keys.h. The numbers are part of the data format.
enum class Table : std::uint8_t {
  meta = 0,
  batches = 1,
  outcomes = 2,
  results = 3,
  jobs = 4,
  ready = 5,
  lanes = 6,
  agenda = 7,
  leases = 8,
  closed = 9,
  listed = 10,
  dead = 11,
  unique = 12,
  schedules = 13,
  workflows = 14,
  settings = 15,
  history = 16,
};
inline constexpr std::size_t kTableCount = 17;
std::string_view to_string(Table table);

struct Op {
  enum class Kind : std::uint8_t {
    put_new,  // The key is known to be absent.
    put,
    erase,
    erase_once,  // The key was put exactly once and never overwritten.
  };
  Kind kind = Kind::put;
  Table table = Table::meta;
  std::string_view key;   // Lives in its Commit.
  std::string_view head;  // The value is head followed by tail.
  Blob tail;
  Timestamp
      expires_at{};  // Not the epoch: reads hide the row from then on, and it goes away by itself.
};

// The puts and erases of one commit, in order. Owns the bytes of its keys and heads. Neither copied
// nor moved: shared between the engine, the committer and the overlay by shared_ptr<const Commit>.
class Commit {
 public:
  Commit() = default;
  Commit(const Commit&) = delete;
  Commit& operator=(const Commit&) = delete;

  void put(Table table, std::string_view key, std::string_view head, Blob tail = {},
           Timestamp expires_at = {}) {
    add(Op::Kind::put, table, key, head, std::move(tail), expires_at);
  }
  void put_new(Table table, std::string_view key, std::string_view head, Blob tail = {}) {
    add(Op::Kind::put_new, table, key, head, std::move(tail), {});
  }
  void erase(Table table, std::string_view key) { add(Op::Kind::erase, table, key, {}, {}, {}); }
  void erase_once(Table table, std::string_view key) {
    add(Op::Kind::erase_once, table, key, {}, {}, {});
  }

  const std::vector<Op>& ops() const { return ops_; }
  bool empty() const { return ops_.empty(); }
  std::size_t bytes() const { return bytes_; }

  CommitSeq seq = 0;
  bool synced = false;  // Must be on disk before it counts; otherwise written to the operating
                        // system is enough.
  Timestamp at{};       // The engine's time when it was sealed; what has expired by then may go.

 private:
  std::string_view keep(std::string_view bytes) {
    if (bytes.empty()) return {};
    auto* place = static_cast<char*>(arena_.allocate(bytes.size(), 1));
    std::memcpy(place, bytes.data(), bytes.size());
    return {place, bytes.size()};
  }
  void add(Op::Kind kind, Table table, std::string_view key, std::string_view head, Blob tail,
           Timestamp expires_at) {
    bytes_ += key.size() + head.size() + tail.size() + 16;
    ops_.push_back({kind, table, keep(key), keep(head), std::move(tail), expires_at});
  }

  std::pmr::monotonic_buffer_resource arena_{4096};
  std::vector<Op> ops_;
  std::size_t bytes_ = 0;
};

// Rows of `table` with from <= key < to, ascending.
struct Range {
  Table table = Table::meta;
  std::string from;
  std::string to;
};

// A question to the store. The ranges are answered in order until `rows_max` or `bytes_max` is
// reached (at least one row is always given when there is one).
struct Read {
  std::uint64_t id = 0;
  std::vector<Range> ranges;
  std::size_t rows_max = SIZE_MAX;
  std::size_t bytes_max = 4 << 20;
};

struct Row {
  std::uint32_t range = 0;  // Index into Read::ranges.
  std::string_view key;
  Blob value;  // From kOwnMemoryBytes on it keeps nothing else in memory.
};
// A smaller value shares its memory with its neighbours: one that stays for long is copied.
inline constexpr std::size_t kOwnMemoryBytes = 4 << 10;

struct ReadAnswer {
  std::uint64_t id = 0;
  CommitSeq as_of = 0;  // The last commit that the rows contain; later ones may be missing.
  std::vector<Row> rows;
  std::shared_ptr<const void> owner;  // Of the keys' bytes.
  // Where the answer stopped because of a bound: everything before (range, key) was given.
  // `complete`: no bound hit.
  bool complete = true;
  std::uint32_t stopped_range = 0;
  std::string stopped_key;  // The first key of that range that was not looked at.
};

// Everything that one step of the engine wants.
struct Changes {
  std::shared_ptr<const Commit> commit;  // Null when nothing is to be stored.
  std::vector<Read> reads;
  std::vector<Reply> replies;  // Each names the commit that it has to wait for.
};

}  // namespace pawl::core
