#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <stdexcept>

#include "broker/store/store.h"

namespace pawl::test {

// Open at first; when it is closed, whoever comes to it stands there.
class Gate {
 public:
  void close() {
    const std::lock_guard lock(mutex_);
    passes_ = 0;
  }
  void open() { let_through(kAll); }
  void let_one_through() { let_through(1); }
  // Until somebody stands at it.
  void wait_until_blocked() {
    std::unique_lock lock(mutex_);
    const auto blocked = [this] { return blocked_ && passes_ == 0; };
    if (!changed_.wait_for(lock, std::chrono::seconds(20), blocked)) {
      throw std::runtime_error("nobody came to the gate");
    }
  }

  void pass() {
    std::unique_lock lock(mutex_);
    blocked_ = passes_ == 0;
    changed_.notify_all();
    changed_.wait(lock, [this] { return passes_ > 0; });
    blocked_ = false;
    if (passes_ != kAll) --passes_;
  }

 private:
  static constexpr std::size_t kAll = SIZE_MAX;

  void let_through(std::size_t passes) {
    const std::lock_guard lock(mutex_);
    passes_ = passes;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t passes_ = kAll;
  bool blocked_ = false;
};

// A store whose commits and reads stand at a gate each, as at a disk that hangs. Counts how often
// its space is looked at.
class GatedStore final : public store::Store {
 public:
  explicit GatedStore(store::Store& below) : below_(below) {}

  store::Caps caps() const override { return below_.caps(); }
  store::Owner acquire(core::ShardId shard) override { return below_.acquire(shard); }
  store::Committed commit(core::ShardId shard, core::Epoch epoch,
                          const core::Commit& commit) override {
    commits.pass();
    return below_.commit(shard, epoch, commit);
  }
  store::ReadResult read(core::ShardId shard, const core::Read& read) override {
    reads.pass();
    return below_.read(shard, read);
  }
  store::Space space() const override {
    const std::lock_guard lock(mutex_);
    ++looks_;
    looked_.notify_all();
    return below_.space();
  }

  // Until the space was looked at this many times more. With two, what was set before has been
  // seen.
  void wait_for_looks(std::size_t more) {
    std::unique_lock lock(mutex_);
    const std::size_t enough = looks_ + more;
    const auto seen = [&] { return looks_ >= enough; };
    if (!looked_.wait_for(lock, std::chrono::seconds(20), seen)) {
      throw std::runtime_error("nobody looked at the space");
    }
  }

  Gate commits;
  Gate reads;

 private:
  store::Store& below_;
  mutable std::mutex mutex_;
  mutable std::condition_variable looked_;
  mutable std::size_t looks_ = 0;
};

}  // namespace pawl::test
