#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "broker/net/services.h"

namespace pawl::net {

// The engine's side of the network in tests: keeps the commands that come, until the test takes
// them.
class RecordingSink final : public CommandSink {
 public:
  enum class Room : std::uint8_t { open, full };

  bool post(core::Command&& command, std::size_t) override {
    const std::lock_guard lock(mutex_);
    if (room_ == Room::full) return false;
    commands_.push_back(std::move(command));
    came_.notify_all();
    return true;
  }
  void post_always(core::Command&& command) override {
    const std::lock_guard lock(mutex_);
    commands_.push_back(std::move(command));
    came_.notify_all();
  }

  void set_room(Room room) {
    const std::lock_guard lock(mutex_);
    room_ = room;
  }

  // The oldest command that was not taken; waits for it.
  core::Command take() {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, std::chrono::seconds(20), [&] { return !commands_.empty(); })) {
      throw std::runtime_error("no command came");
    }
    core::Command command = std::move(commands_.front());
    commands_.pop_front();
    return command;
  }
  template <class Body>
  Body take_as() {
    return std::get<Body>(take());
  }

  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return commands_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<core::Command> commands_;
  Room room_ = Room::open;
};

}  // namespace pawl::net
