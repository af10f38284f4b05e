#pragma once

// The words of the queue as types: identities, instants, numbers that prove something.

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

namespace pawl::core {

using Milliseconds = std::chrono::milliseconds;

// The broker's own timeline: starts near the wall clock, then never jumps. All durations run on it.
struct Timeline {
  using duration = Milliseconds;
  using rep = duration::rep;
  using period = duration::period;
};
using Timestamp = std::chrono::time_point<Timeline, Milliseconds>;

// The broker's wall clock: only run-at follows it.
struct Wall {
  using duration = Milliseconds;
  using rep = duration::rep;
  using period = duration::period;
};
using WallTime = std::chrono::time_point<Wall, Milliseconds>;

// The time of one step of the engine, as the runtime read it. `at` never runs back, `wall` may.
struct Now {
  Timestamp at{};
  WallTime wall{};
};

template <class TimePoint>
constexpr std::uint64_t to_ms(TimePoint time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}
constexpr Timestamp timestamp_from_ms(std::uint64_t ms) {
  return Timestamp{Milliseconds{static_cast<std::int64_t>(ms)}};
}
constexpr WallTime wall_from_ms(std::uint64_t ms) {
  return WallTime{Milliseconds{static_cast<std::int64_t>(ms)}};
}

// Position of a job in its batch.
using JobIndex = std::uint16_t;

// 128 bits in UUIDv7 form, compared as big-endian bytes: 48 bits time in ms, version 7, 12 bits
// slot, variant 2, 50 random bits, 12 bits index. A batch's id is the id of its job 0.
struct JobId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  static constexpr std::uint64_t kIndexMask = 0xfff;

  constexpr JobIndex index() const { return static_cast<JobIndex>(low & kIndexMask); }
  constexpr JobId batch() const { return {high, low & ~kIndexMask}; }
  constexpr JobId job(JobIndex index) const { return {high, (low & ~kIndexMask) | index}; }
  constexpr std::uint64_t time_ms() const { return high >> 16; }
  constexpr std::uint16_t slot() const { return static_cast<std::uint16_t>(high & 0xfff); }
  // Version 7 and variant 2 stand where UUIDv7 wants them.
  constexpr bool well_formed() const { return ((high >> 12) & 0xf) == 7 && (low >> 62) == 2; }

  friend constexpr auto operator<=>(const JobId&, const JobId&) = default;
};

using BatchId = JobId;  // With index 0.

struct JobIdHash {
  std::size_t operator()(const JobId& id) const {
    return static_cast<std::size_t>(
        (id.high ^ (id.low * 0x9e3779b97f4a7c15ULL)) * 0xff51afd7ed558ccdULL >> 7);
  }
};

// Proof of a lease: the owner's epoch (24 bits) over a counter (40 bits), so that tokens grow over
// restarts too.
struct Token {
  std::uint64_t value = 0;

  static constexpr unsigned kCounterBits = 40;
  static constexpr Token make(std::uint64_t epoch, std::uint64_t counter) {
    return {(epoch << kCounterBits) | counter};
  }
  constexpr std::uint64_t epoch() const { return value >> kCounterBits; }

  friend constexpr auto operator<=>(const Token&, const Token&) = default;
};

struct TokenHash {
  std::size_t operator()(const Token& token) const {
    return std::hash<std::uint64_t>{}(token.value);
  }
};

// A worker's identity that survives its connections. Unguessable.
struct SessionId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  constexpr bool empty() const { return high == 0 && low == 0; }
  friend constexpr auto operator<=>(const SessionId&, const SessionId&) = default;
};

struct SessionIdHash {
  std::size_t operator()(const SessionId& id) const {
    return static_cast<std::size_t>(id.high ^ id.low);
  }
};

using ShardId = std::uint16_t;
using CommitSeq = std::uint64_t;  // Commits of a shard are numbered from 1 without a gap.
using Epoch = std::uint64_t;

// Interned names; numbers are never used twice.
using QueueNumber = std::uint32_t;
using TypeNumber = std::uint32_t;
using LaneNumber = std::uint64_t;

// Order of enqueueing over all lanes of a shard; a run's sequence is its age.
using Sequence = std::uint64_t;

// A network connection, as the net side numbers them. Never used twice.
using ConnectionId = std::uint64_t;

// Whom a reply is for.
struct Ticket {
  ConnectionId connection = 0;
  std::uint64_t request = 0;  // The client's request id.

  friend constexpr auto operator<=>(const Ticket&, const Ticket&) = default;
};

struct TicketHash {
  std::size_t operator()(const Ticket& ticket) const {
    return static_cast<std::size_t>(ticket.connection * 0x9e3779b97f4a7c15ULL ^ ticket.request);
  }
};

}  // namespace pawl::core
