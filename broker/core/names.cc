#include "broker/core/names.h"

namespace pawl::core {

Queue* Names::find_queue(const std::string& ns, const std::string& name) const {
  const auto found = by_name_.find({ns, name});
  return found == by_name_.end() ? nullptr : found->second;
}

Queue& Names::add_queue(QueueNumber number, std::string ns, std::string name,
                        const Settings& settings) {
  auto queue = std::make_unique<Queue>();
  queue->number = number;
  queue->ns = std::move(ns);
  queue->settings = &settings.of(queue->ns, name);
  queue->name = std::make_shared<const std::string>(std::move(name));
  Queue& added = *queue;
  by_name_[{added.ns, *added.name}] = &added;
  queues_[number] = std::move(queue);
  return added;
}

Type* Names::find_type(const std::string& name) {
  const auto found = types_by_name_.find(name);
  return found == types_by_name_.end() ? nullptr : &found->second;
}

Type& Names::add_type(TypeNumber number, const std::string& name) {
  const auto added = types_by_name_.insert_or_assign(name, Type{number, false}).first;
  types_[number] = &added->first;
  return added->second;
}

void Names::mark_stored(Queue& queue) {
  queue.stored = true;
  ++stored_queues_;
}

void Names::mark_stored(Type& type) {
  type.stored = true;
  ++stored_types_;
}

void Names::forget_waited_for(const std::set<TypeNumber>& types) {
  std::erase_if(queues_, [&](const auto& entry) {
    const Queue& queue = *entry.second;
    if (queue.stored || !queue.subscriptions.empty()) return false;
    by_name_.erase({queue.ns, *queue.name});
    free_queues_.push_back(queue.number);
    return true;
  });
  std::erase_if(types_by_name_, [&](const auto& entry) {
    const Type& type = entry.second;
    if (type.stored || types.count(type.number) != 0) return false;
    types_.erase(type.number);
    free_types_.push_back(type.number);
    return true;
  });
}

std::optional<QueueNumber> Names::take_free_queue() {
  if (free_queues_.empty()) return std::nullopt;
  const QueueNumber number = free_queues_.back();
  free_queues_.pop_back();
  return number;
}

std::optional<TypeNumber> Names::take_free_type() {
  if (free_types_.empty()) return std::nullopt;
  const TypeNumber number = free_types_.back();
  free_types_.pop_back();
  return number;
}

}  // namespace pawl::core
