#pragma once

#include <deque>
#include <set>
#include <vector>

#include "broker/core/batch.h"
#include "broker/core/position.h"
#include "broker/core/records.h"

namespace pawl::core {

// A row of the ready table: a segment of runs at slot 0, elsewhere a job that came back alone.
struct ReadyEntry {
  Position position;
  std::vector<ReadyRun> runs;
  ReadyJob own;

  bool is_segment() const { return position.slot == 0; }
  std::size_t bytes() const;  // Of the batches that it needs, about.
};

// Ready entries that stand one after the other, whose batches are read together.
struct PagePart {
  std::vector<ReadyEntry> entries;
  Position end;                // It reaches up to here.
  std::vector<BatchPtr> held;  // What is in memory stays there until the part is installed.
  bool needs_read = false;     // Some of its batches are not in memory.
};

// A page of a lane that is on its way, once its ready entries are known. Its parts are asked for at
// once, so that one is read while another is installed, and come in order.
struct LanePage {
  Position end;                // It reaches up to here.
  CommitSeq after = 0;         // Not to be shown before this commit is durable.
  std::set<BatchId> batches;   // That it has asked for.
  bool stale = false;          // Something of it has changed since: it is asked for again.
  std::deque<PagePart> parts;  // Those that are not in the window yet.
};

}  // namespace pawl::core
