#include "broker/runtime/committer.h"

#include "broker/core/assert.h"

namespace pawl::runtime {

Committer::~Committer() {
  {
    const std::lock_guard lock(mutex_);
    state_ = State::ending;
  }
  handed_.notify_one();
  thread_.join();
}

void Committer::hand(std::shared_ptr<const core::Commit> commit) {
  {
    const std::lock_guard lock(mutex_);
    PAWL_ASSERT(!commit_);
    commit_ = std::move(commit);
  }
  handed_.notify_one();
}

void Committer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    handed_.wait(lock, [this] { return commit_ || state_ == State::ending; });
    if (!commit_) return;
    const std::shared_ptr<const core::Commit> commit = std::move(commit_);
    lock.unlock();
    write_(*commit);
    lock.lock();
  }
}

}  // namespace pawl::runtime
