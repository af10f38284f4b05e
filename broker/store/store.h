#pragma once

// The seam to durable storage. Two implementations: RocksStore (one machine, one disk) and
// MemoryStore (deterministic, injects faults); one conformance suite for both. Nothing outside this
// folder may rely on RocksDB's ways or assume that a commit is local or fast.

#include <cstdint>
#include <string>

#include "broker/core/changes.h"

namespace pawl::store {

// What one commit may hold; the core obeys.
struct Caps {
  std::size_t ops_max = 0;
  std::size_t bytes_max = 0;
  std::size_t key_bytes_max = 0;
  std::size_t value_bytes_max = 0;
  std::size_t bytes_preferred = 0;  // A commit is closed when it reaches this size.
  // What has to happen once a commit was not durable. With `restart` nothing can be trusted before
  // the store was opened anew: what a failed sync has left behind is known only after reading it
  // back.
  enum class Recovery : std::uint8_t { acquire, restart } recovery = Recovery::acquire;
};

// Ownership of a shard. Every older owner is fenced, durably, before this is returned.
struct Owner {
  core::Epoch epoch = 0;     // Grows with each acquire.
  core::CommitSeq last = 0;  // The last commit that is in the store.
  core::Timestamp at{};      // When it was sealed: the timeline goes on from there.
};

enum class Outcome : std::uint8_t {
  durable,   // All of it is in the store, as `synced` asked.
  fenced,    // Not applied: the epoch is over, somebody else owns the shard.
  rejected,  // Not applied: see `why`.
  unknown,   // May or may not be applied: the epoch is over; acquire again and look at `last`.
};

struct Committed {
  Outcome outcome = Outcome::durable;
  std::string why;  // For the log, when not durable.
};

// A failed read is not an answer: damage or a failing device. `why` names the file where the store
// knows it.
struct ReadResult {
  bool ok = true;
  std::string why;
  core::ReadAnswer answer;
};

// Of the disk, without what the store needs for itself.
struct Space {
  std::uint64_t free_bytes = 0;
  std::uint64_t total_bytes = 0;
};

// Thread-safe: one thread may commit while others read. Commits come from one thread at a time per
// shard.
class Store {
 public:
  virtual ~Store() = default;

  virtual Caps caps() const = 0;

  // Throws std::runtime_error with a sentence for people when the shard cannot be had.
  virtual Owner acquire(core::ShardId shard) = 0;

  // All or nothing. REQUIRES: commit.seq is the last one's + 1. The store adds the sequence to the
  // same write. Any outcome but durable ends the epoch: every later commit of it is answered
  // `fenced`.
  virtual Committed commit(core::ShardId shard, core::Epoch epoch, const core::Commit& commit) = 0;

  // Rows as of `answer.as_of`: contains every commit up to it and none after it. At least as new as
  // the last commit that was answered durable before the call. Rows that had expired when that
  // commit was sealed are left out. Keys are given without any prefix of the store's own.
  virtual ReadResult read(core::ShardId shard, const core::Read& read) = 0;

  virtual Space space() const = 0;
};

}  // namespace pawl::store
