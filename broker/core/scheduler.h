#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/core/command.h"
#include "broker/core/lane.h"
#include "broker/core/names.h"

namespace pawl::core {

// A lane that a fetch may draw from, in the order of choice: the worker's order of queues,
// priority, age.
struct Candidate {
  std::uint32_t rank = 0;    // Of the queue in the subscription.
  std::uint8_t urgency = 0;  // kPriorityMax - priority: smaller is sooner.
  Sequence age = 0;
  Lane* lane = nullptr;

  friend bool operator<(const Candidate& a, const Candidate& b) {
    if (a.rank != b.rank) return a.rank < b.rank;
    if (a.urgency != b.urgency) return a.urgency < b.urgency;
    if (a.age != b.age) return a.age < b.age;
    return a.lane->number < b.lane->number;
  }
};

// A fetch that waits for work.
struct ParkedFetch {
  std::uint64_t number = 0;
  Ticket ticket;
  SessionId session;
  std::uint32_t credits = 0;
  Timestamp deadline{};
};

// What a fetch asks for: queues in order, types. Equal ones share a heap of the lanes that have
// work for them.
struct Subscription {
  std::vector<Queue*> queues;
  std::set<TypeNumber> types;  // Empty: any.
  std::set<Candidate> candidates;
  std::map<std::uint64_t, ParkedFetch> parked;  // By number: first come, first served.

  bool wants(TypeNumber type) const { return types.empty() || types.count(type) != 0; }
  std::uint32_t rank_of(const Queue& queue) const;
};

class Scheduler {
 public:
  // The subscription of these queues and types, made when there is none yet.
  Subscription& subscribe(const std::vector<Queue*>& queues, const std::vector<TypeNumber>& types);

  // Brings every heap that the lane belongs to up to date.
  void update(Queue& queue, Lane& lane);
  // The lane goes away.
  void forget(Queue& queue, Lane& lane);

  // Subscriptions without a parked fetch are made again when they are needed.
  void drop_unused();
  // The types that subscriptions name.
  std::set<TypeNumber> types() const;

 private:
  using Key = std::pair<std::vector<QueueNumber>, std::vector<TypeNumber>>;
  static constexpr std::size_t kSubscriptionsMax = 4096;

  std::map<Key, std::unique_ptr<Subscription>> subscriptions_;
};

}  // namespace pawl::core
