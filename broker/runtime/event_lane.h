#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "broker/core/command.h"
#include "broker/store/store.h"

namespace pawl::runtime {

// What the loop's own threads and those of the network tell the engine's thread; never refused. It
// is bounded by what was asked of them.
struct ReadDone {
  core::Epoch epoch = 0;
  store::ReadResult result;
};
// Everything that had reached the broker when it was asked for has been posted.
struct CaughtUp {};
using Event = std::variant<store::Committed, ReadDone, CaughtUp, core::Command>;

class EventLane {
 public:
  void post(Event event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }
  void take(std::vector<Event>& events) {
    events.clear();
    const std::lock_guard lock(mutex_);
    events.swap(events_);
  }
  bool empty() const {
    const std::lock_guard lock(mutex_);
    return events_.empty();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Event> events_;
};

}  // namespace pawl::runtime
