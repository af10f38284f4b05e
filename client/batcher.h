#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "client/call.h"
#include "client/encode.h"
#include "client/ticket.h"
#include <pawl/callback.h>
#include <pawl/job.h>

namespace pawl::client {

struct BatchLimits {
  std::size_t jobs_max = 1000;
  std::size_t bytes_max = std::size_t{2} << 20;  // Of the encoded jobs.
};

// Puts single jobs that come together into one batch: group commit without a timer. Jobs of one
// queue and shape are a group; its first job may go at once, what comes while that is in flight
// gathers and goes when the answer is there, or when the batch is full. Pure, not thread-safe.
class Batcher {
 public:
  struct Waiting {
    TimePoint deadline;
    Callback<JobId> done;
    Ticket ticket;
    std::size_t bytes = 0;  // Of the encoded job; set by add().
  };
  struct Batch {
    std::string group;  // For ended().
    EnqueueHead head;
    std::string jobs;
    std::vector<Waiting> waiting;
  };
  struct NewJob {
    std::string_view name_space;
    std::string_view queue;
    std::string_view type;
    std::string_view payload;
    const Options& options;
  };

  explicit Batcher(const BatchLimits& limits) : limits_(limits) {}

  void set_bytes_max(std::size_t bytes) { limits_.bytes_max = bytes; }

  void add(const NewJob& job, Waiting waiting);

  // A batch that may go now; it is in flight until ended() is told.
  std::optional<Batch> take();
  bool ready() const { return !full_.empty() || !ready_.empty(); }
  void ended(const std::string& group);

  // Takes out the gathered jobs whose time is up, or all of them.
  std::vector<Waiting> expire(TimePoint now);
  std::vector<Waiting> clear();
  // Of the gathered jobs; TimePoint::max() when there are none.
  TimePoint next_deadline() const;
  std::size_t groups() const { return groups_.size(); }

 private:
  struct Group {
    EnqueueHead head;
    std::string jobs;
    std::vector<Waiting> waiting;
    TimePoint earliest = TimePoint::max();  // Deadline of those.
    std::size_t in_flight = 0;
    bool listed = false;  // In ready_.
  };
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Groups = std::unordered_map<std::string, Group, Hash, std::equal_to<>>;

  Groups::iterator group_of(const NewJob& job);
  Batch seal(Groups::iterator it);
  void list_if_idle(Groups::iterator it);
  static void expire_group(Group& group, TimePoint now, std::vector<Waiting>& expired);

  BatchLimits limits_;
  Groups groups_;
  std::deque<Batch> full_;
  std::deque<std::string> ready_;  // Keys of groups with jobs and nothing in flight.
  std::string key_;                // Scratch.
};

}  // namespace pawl::client
