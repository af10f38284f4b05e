#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/core/assert.h"
#include "broker/core/engine.h"
#include "broker/runtime/outstanding.h"
#include "broker/store/store.h"

namespace pawl::runtime {

// A read belongs to the epoch in which it was asked; an answer that comes later is no answer any
// more.
struct EpochRead {
  core::Epoch epoch = 0;
  core::Read read;
};

// What a turn wants done, in this order: the replies may leave, the reads be answered, the commit
// be written.
struct Work {
  std::vector<core::Reply> replies;
  std::vector<EpochRead> reads;
  std::shared_ptr<const core::Commit>
      commit;  // Null: nothing to write, or one is still being written.
};

// What is written when, which replies may leave, and when an epoch ends. No thread, no clock, no
// store: the shell (EngineLoop, or the simulation) carries out what take_work() says and tells what
// came of it.
//
//   begin(store.acquire(shard), now)
//   while accepting(): execute(command, now) ...; advance(now)
//   work = take_work(now); deliver work.replies; pass on work.reads; write work.commit
//   written(store.commit(...), now) and answered(epoch, store.read(...), now) whenever they are
//   done; take_work again phase() == over: what hung on the epoch is answered `unavailable` by the
//   next take_work; begin() again phase() == failed: nothing leaves any more
//
// One commit is being written at a time. While it is, the next gathers in the engine; it is closed
// early when it reaches the store's preferred size. `Engine` is core::Engine, or a scripted one in
// tests.
template <class Engine>
class GroupCommit {
 public:
  enum class Phase : std::uint8_t { running, over, failed };

  GroupCommit(core::Settings settings, std::uint64_t seed, const store::Caps& caps)
      : settings_(std::move(settings)), seed_(seed), caps_(caps) {}

  Phase phase() const { return phase_; }
  const std::string& why() const { return why_; }  // Of the last end of an epoch.
  core::Epoch epoch() const { return epoch_; }
  const Engine& engine() const { return *engine_; }

  // REQUIRES: over.
  void begin(const store::Owner& owner, core::Now now);

  // False: enough is closed and unwritten, or kept for reads that are slow; commands have to wait
  // outside.
  bool accepting() const {
    return phase_ == Phase::running && closed_.size() < kClosedMax &&
           engine_->kept_bytes() < kKeptBytesMax;
  }

  // REQUIRES of what follows: running; written() and answered() also take what is too late.
  void execute(core::Command command, core::Now now);
  void advance(core::Now now, core::Timestamp heard) { engine_->advance(now, heard); }
  std::optional<core::Timestamp> next_deadline(core::Now now) const {
    return engine_->next_deadline(now);
  }

  Work take_work(core::Now now);
  void written(const store::Committed& result);
  void answered(core::Epoch epoch, store::ReadResult result, core::Now now);

  // Nothing is open, being written or waiting to leave.
  bool idle() const {
    return !writing_ && closed_.empty() && waiting_.empty() && ready_.empty() &&
           engine_->open_bytes() == 0;
  }
  bool writing() const { return writing_ != nullptr; }

 private:
  static constexpr std::size_t kClosedMax = 2;
  static constexpr std::size_t kKeptBytesMax = 128 << 20;

  struct Waiting {
    core::CommitSeq after = 0;
    std::vector<core::Reply> replies;
  };

  void close(core::Now now);
  void let_loose(core::Now now);
  void pass_on(core::Changes&& changes);
  void hold(core::Reply&& reply);
  void release(core::CommitSeq durable);
  void end_epoch(const store::Committed& result);
  bool recovers() const { return caps_.recovery == store::Caps::Recovery::acquire; }

  const core::Settings settings_;
  const std::uint64_t seed_;
  const store::Caps caps_;

  Phase phase_ = Phase::over;
  std::string why_;
  core::Epoch epoch_ = 0;
  core::CommitSeq durable_ = 0;
  std::optional<Engine> engine_;

  std::shared_ptr<const core::Commit> writing_;
  std::deque<std::shared_ptr<const core::Commit>> closed_;
  std::deque<Waiting> waiting_;  // By commit, ascending.
  std::vector<core::Reply> ready_;
  std::vector<EpochRead> reads_;
  Outstanding outstanding_;  // Kept only where an epoch can end without the process.
};

template <class Engine>
void GroupCommit<Engine>::begin(const store::Owner& owner, core::Now now) {
  PAWL_ASSERT(phase_ == Phase::over);
  epoch_ = owner.epoch;
  durable_ = owner.last;
  engine_.emplace(settings_, core::EngineStart{owner.epoch, owner.last, seed_ ^ owner.epoch}, now);
  phase_ = Phase::running;
}

template <class Engine>
void GroupCommit<Engine>::execute(core::Command command, core::Now now) {
  PAWL_ASSERT(phase_ == Phase::running);
  if (recovers()) outstanding_.asked(command);
  engine_->execute(std::move(command), now);
  if (engine_->open_bytes() >= caps_.bytes_preferred) close(now);
}

template <class Engine>
Work GroupCommit<Engine>::take_work(core::Now now) {
  if (phase_ == Phase::running) {
    if (!writing_ && closed_.empty()) {
      close(now);
    } else {
      let_loose(now);
    }
  }

  Work work;
  if (phase_ == Phase::failed) return work;
  work.replies = std::exchange(ready_, {});
  work.reads = std::exchange(reads_, {});
  if (recovers()) {
    for (const core::Reply& reply : work.replies) outstanding_.answered(reply.ticket);
  }
  if (!writing_ && !closed_.empty()) {
    writing_ = std::move(closed_.front());
    closed_.pop_front();
    work.commit = writing_;
  }
  return work;
}

template <class Engine>
void GroupCommit<Engine>::close(core::Now now) {
  core::Changes changes = engine_->take_changes(now);
  if (changes.commit) closed_.push_back(std::move(changes.commit));
  pass_on(std::move(changes));
}

// What is open stays open while a commit is written, so that it grows. But replies and reads that
// need nothing of it must not wait for that.
template <class Engine>
void GroupCommit<Engine>::let_loose(core::Now now) {
  if constexpr (requires { engine_->take_loose(now); }) pass_on(engine_->take_loose(now));
}

template <class Engine>
void GroupCommit<Engine>::pass_on(core::Changes&& changes) {
  for (core::Read& read : changes.reads) reads_.push_back({epoch_, std::move(read)});
  for (core::Reply& reply : changes.replies) hold(std::move(reply));
}

template <class Engine>
void GroupCommit<Engine>::hold(core::Reply&& reply) {
  if (reply.after <= durable_) {
    ready_.push_back(std::move(reply));
    return;
  }
  auto place = waiting_.end();
  while (place != waiting_.begin() && std::prev(place)->after > reply.after) --place;
  if (place == waiting_.begin() || std::prev(place)->after != reply.after) {
    place = std::next(waiting_.insert(place, Waiting{reply.after, {}}));
  }
  std::prev(place)->replies.push_back(std::move(reply));
}

template <class Engine>
void GroupCommit<Engine>::release(core::CommitSeq durable) {
  durable_ = durable;
  while (!waiting_.empty() && waiting_.front().after <= durable) {
    std::vector<core::Reply>& replies = waiting_.front().replies;
    if (ready_.empty()) {
      ready_ = std::move(replies);
    } else {
      std::move(replies.begin(), replies.end(), std::back_inserter(ready_));
    }
    waiting_.pop_front();
  }
}

template <class Engine>
void GroupCommit<Engine>::written(const store::Committed& result) {
  if (!writing_) return;
  const core::CommitSeq seq = std::exchange(writing_, nullptr)->seq;
  if (result.outcome != store::Outcome::durable) {
    end_epoch(result);
    return;
  }
  release(seq);
  engine_->committed(seq);
}

template <class Engine>
void GroupCommit<Engine>::answered(core::Epoch epoch, store::ReadResult result, core::Now now) {
  if (phase_ != Phase::running || epoch != epoch_) return;
  if (!result.ok) {
    phase_ = Phase::failed;  // Damage or a failing device: another owner would read the same.
    why_ = std::move(result.why);
    return;
  }
  execute(std::move(result.answer), now);
}

template <class Engine>
void GroupCommit<Engine>::end_epoch(const store::Committed& result) {
  why_ = result.why;
  closed_.clear();
  waiting_.clear();
  reads_.clear();
  engine_.reset();
  if (!recovers()) {
    phase_ = Phase::failed;
    ready_.clear();
    return;
  }
  phase_ = Phase::over;
  for (const core::Reply& reply : ready_) outstanding_.answered(reply.ticket);
  for (const core::Ticket& ticket : outstanding_.take_all()) {
    ready_.push_back(
        {ticket, 0, core::Refused{core::Errc::unavailable, "the broker is starting over", {}}});
  }
}

}  // namespace pawl::runtime
