#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "broker/core/changes.h"

namespace pawl::runtime {

// A thread that writes one commit at a time, so that the engine goes on while the disk works.
class Committer {
 public:
  using Write = std::function<void(const core::Commit&)>;

  explicit Committer(Write write) : write_(std::move(write)), thread_([this] { run(); }) {}
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // REQUIRES: the one before has been written.
  void hand(std::shared_ptr<const core::Commit> commit);

 private:
  void run();

  const Write write_;
  std::mutex mutex_;
  std::condition_variable handed_;
  std::shared_ptr<const core::Commit> commit_;
  enum class State : std::uint8_t { working, ending } state_ = State::working;
  std::thread thread_;
};

}  // namespace pawl::runtime
