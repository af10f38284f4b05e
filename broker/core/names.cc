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

const TypeNumber* Names::find_type(const std::string& name) const {
  const auto found = type_numbers_.find(name);
  return found == type_numbers_.end() ? nullptr : &found->second;
}

void Names::add_type(TypeNumber number, const std::string& name) {
  types_[number] = name;
  type_numbers_[name] = number;
}

}  // namespace pawl::core
