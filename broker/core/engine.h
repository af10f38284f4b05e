#pragma once

// The queue. Start here: commands come in, a commit's worth of changes comes out, and nothing else
// happens.
//
//   engine.execute(command, now);        any number of times
//   engine.advance(now);                 what has become due by `now`
//   Changes changes = engine.take_changes(now);
//       store changes.commit, answer changes.reads by execute(ReadAnswer), and send each of
//       changes.replies once its `after` is durable
//   engine.committed(seq);               when commit seq is durable
//   sleep until engine.next_deadline(now) or the next command

#include <cstdint>
#include <memory>
#include <optional>

#include "broker/core/changes.h"
#include "broker/core/command.h"
#include "broker/core/settings.h"
#include "broker/core/types.h"

namespace pawl::core {

// Totals for the log and the status page.
struct EngineTotals {
  std::uint64_t scheduled = 0;
  std::uint64_t pending = 0;
  std::uint64_t processing = 0;
  std::uint64_t retrying = 0;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t sessions = 0;
  std::uint64_t lanes = 0;
  std::uint64_t window_bytes = 0;
};

struct EngineStart {
  Epoch epoch = 0;         // From Store::acquire.
  CommitSeq last = 0;      // Likewise.
  std::uint64_t seed = 0;  // Of jitter and session ids.
};

// Every queue of one shard. Pure: same commands, times and seed in, same bytes out. Not
// thread-safe; one thread owns it.
class Engine {
 public:
  Engine(const Settings& settings, const EngineStart& start, Now now);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Commands that come before ready() wait inside.
  void execute(Command command, Now now);
  // `heard`: every command that was posted before then has been executed. Sessions are lost by that
  // time, so that a broker that was held up does not take its workers' silence for its own.
  void advance(Now now, Timestamp heard);
  void advance(Now now) { advance(now, now.at); }

  // When advance() has something to do; nothing when only a command can change anything.
  std::optional<Timestamp> next_deadline(Now now) const;

  // Closes the open commit. Commits are numbered start.last + 1, + 2, ... and must reach the store
  // in this order.
  Changes take_changes(Now now);

  // What needs nothing of the open commit: replies that wait for earlier ones, and reads. For the
  // time while a commit is being written and the open one goes on gathering.
  Changes take_loose(Now now);

  // Bytes of the open commit so far: the runtime closes it when this reaches the store's preferred
  // size.
  std::size_t open_bytes() const;

  // Bytes of commits that stay in memory because answers to reads may not contain them yet.
  std::size_t kept_bytes() const;

  // Commit `seq` and everything before it is durable.
  void committed(CommitSeq seq);

  // Start-up is over: the store's answers to the first reads have come.
  bool ready() const;

  EngineTotals totals() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pawl::core
