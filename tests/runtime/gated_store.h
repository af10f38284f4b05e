#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <stdexcept>

#include "broker/store/store.h"

namespace pawl::test {

// A store whose commits stand at a gate, as at a disk that hangs. Counts how often its space is
// looked at.
class GatedStore final : public store::Store {
 public:
  explicit GatedStore(store::Store& below) : below_(below) {}

  store::Caps caps() const override { return below_.caps(); }
  store::Owner acquire(core::ShardId shard) override { return below_.acquire(shard); }
  store::Committed commit(core::ShardId shard, core::Epoch epoch,
                          const core::Commit& commit) override {
    pass();
    return below_.commit(shard, epoch, commit);
  }
  store::ReadResult read(core::ShardId shard, const core::Read& read) override {
    return below_.read(shard, read);
  }
  store::Space space() const override {
    const std::lock_guard lock(mutex_);
    ++looks_;
    changed_.notify_all();
    return below_.space();
  }

  void close() {
    const std::lock_guard lock(mutex_);
    passes_ = 0;
  }
  void open() { let_through(kAll); }
  void let_one_through() { let_through(1); }
  // Until a commit stands at the gate.
  void wait_until_blocked() {
    wait([this] { return blocked_ && passes_ == 0; });
  }
  // Until the space was looked at this many times more. With two, what was set before has been
  // seen.
  void wait_for_looks(std::size_t more) {
    std::size_t before = 0;
    {
      const std::lock_guard lock(mutex_);
      before = looks_;
    }
    wait([&] { return looks_ >= before + more; });
  }

 private:
  static constexpr std::size_t kAll = SIZE_MAX;

  void pass() {
    std::unique_lock lock(mutex_);
    blocked_ = passes_ == 0;
    changed_.notify_all();
    changed_.wait(lock, [this] { return passes_ > 0; });
    blocked_ = false;
    if (passes_ != kAll) --passes_;
  }
  void let_through(std::size_t commits) {
    const std::lock_guard lock(mutex_);
    passes_ = commits;
    changed_.notify_all();
  }
  template <class Done>
  void wait(const Done& done) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(20), done)) {
      throw std::runtime_error("the store was not used");
    }
  }

  store::Store& below_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::size_t passes_ = kAll;
  bool blocked_ = false;
  mutable std::size_t looks_ = 0;
};

}  // namespace pawl::test
