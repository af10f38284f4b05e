#pragma once

#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/core/batch.h"
#include "broker/core/lane_page.h"
#include "broker/core/position.h"

namespace pawl::core {

// Jobs in a window that wait for a worker: what is left of a run, or one job that came back alone.
struct WaitingRun {
  BatchPtr batch;
  IndexSet jobs;
  CommitSeq after = 0;  // Not to be shown before this commit is durable.
  bool delivered_before = false;
};

// The part of a lane that is in memory.
struct LaneWindow {
  std::map<Position, std::uint32_t>
      segments;  // Ready entries: how many of their runs are not over.
  std::map<Position, WaitingRun> waiting;
};

// The pending jobs of one queue that share type, priority and key, first in first out. Only its
// head is in memory: everything before `loaded_to`. The rest is in the ready table.
struct Lane {
  static constexpr Position kEnd{std::numeric_limits<Sequence>::max(), 0};

  LaneNumber number = 0;
  QueueNumber queue = 0;
  TypeNumber type = 0;
  std::uint8_t priority = 0;
  bool loading = false;    // A page is on its way.
  bool reloading = false;  // So are the bytes of the jobs at its front.
  bool dirty = false;
  bool woken = false;
  bool in_heaps = false;
  bool returned = false;  // Jobs that had been delivered came back to what is not loaded yet.
  std::string key;
  Position head;      // No ready entry stands before it.
  Sequence mark = 0;  // No job behind it has an outcome or has left its run.
  Sequence tail = 0;  // The last run.
  Position loaded_to = kEnd;
  Sequence heap_age = 0;  // What the heaps know.
  std::unique_ptr<LaneWindow> window;
  std::shared_ptr<LanePage> page;  // Shared with the reads that are under way for it.
  std::vector<ReadyRun> fresh;     // Runs of the open commit that are not in a ready entry yet.
  std::size_t fresh_bytes = 0;

  bool all_loaded() const { return loaded_to == kEnd; }
  bool has_waiting() const { return window != nullptr && !window->waiting.empty(); }
  // A fetch can get something here, at once or after a page.
  bool has_work() const { return has_waiting() ? !reloading : !all_loaded() && !loading; }
  bool empty() const {
    return all_loaded() && !reloading && fresh.empty() &&
           (window == nullptr || window->segments.empty());
  }
  LaneWindow& opened() {
    if (window == nullptr) window = std::make_unique<LaneWindow>();
    return *window;
  }
  Sequence age() const {
    return has_waiting() ? window->waiting.begin()->first.sequence : loaded_to.sequence;
  }
};

}  // namespace pawl::core
