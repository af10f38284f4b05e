#include "broker/core/scheduler.h"

#include <algorithm>

#include "broker/core/limits.h"

namespace pawl::core {

namespace {

Candidate candidate_of(const Subscription& subscription, const Queue& queue, Lane& lane,
                       Sequence age) {
  return {subscription.rank_of(queue),
          static_cast<std::uint8_t>(limits::kPriorityMax - lane.priority), age, &lane};
}

}  // namespace

std::uint32_t Subscription::rank_of(const Queue& queue) const {
  const auto found = std::find(queues.begin(), queues.end(), &queue);
  return static_cast<std::uint32_t>(found - queues.begin());
}

Subscription& Scheduler::subscribe(const std::vector<Queue*>& queues,
                                   const std::vector<TypeNumber>& types) {
  Key key;
  for (const Queue* queue : queues) key.first.push_back(queue->number);
  key.second = types;
  if (const auto known = subscriptions_.find(key); known != subscriptions_.end())
    return *known->second;

  if (subscriptions_.size() >= kSubscriptionsMax) drop_unused();
  auto made = std::make_unique<Subscription>();
  made->queues = queues;
  made->types.insert(types.begin(), types.end());
  for (Queue* queue : queues) {
    queue->subscriptions.push_back(made.get());
    for (const auto& [number, lane] : queue->lanes) {
      if (lane->in_heaps && made->wants(lane->type)) {
        made->candidates.insert(candidate_of(*made, *queue, *lane, lane->heap_age));
      }
    }
  }
  return *subscriptions_.emplace(std::move(key), std::move(made)).first->second;
}

void Scheduler::drop_unused() {
  std::erase_if(subscriptions_, [](auto& entry) {
    Subscription* subscription = entry.second.get();
    if (!subscription->parked.empty()) return false;
    for (Queue* queue : subscription->queues) std::erase(queue->subscriptions, subscription);
    return true;
  });
}

std::set<TypeNumber> Scheduler::types() const {
  std::set<TypeNumber> all;
  for (const auto& [key, subscription] : subscriptions_)
    all.insert(subscription->types.begin(), subscription->types.end());
  return all;
}

void Scheduler::update(Queue& queue, Lane& lane) {
  const bool wanted = lane.has_work();
  const Sequence age = wanted ? lane.age() : 0;
  if (wanted == lane.in_heaps && age == lane.heap_age) return;
  for (Subscription* subscription : queue.subscriptions) {
    if (!subscription->wants(lane.type)) continue;
    auto& heap = subscription->candidates;
    const Candidate now = candidate_of(*subscription, queue, lane, age);
    if (!lane.in_heaps) {
      heap.insert(now);
      continue;
    }
    auto node = heap.extract(candidate_of(*subscription, queue, lane, lane.heap_age));
    if (!wanted || node.empty()) continue;
    node.value() = now;
    heap.insert(std::move(node));
  }
  lane.in_heaps = wanted;
  lane.heap_age = age;
}

void Scheduler::forget(Queue& queue, Lane& lane) {
  if (!lane.in_heaps) return;
  for (Subscription* subscription : queue.subscriptions) {
    subscription->candidates.erase(candidate_of(*subscription, queue, lane, lane.heap_age));
  }
  lane.in_heaps = false;
}

}  // namespace pawl::core
