#include <set>

#include "broker/core/engine_state.h"

namespace pawl::core {

// A name gets its number when it is first heard of, and is stored when the first job comes: fetches
// may name what they like.
Queue& Engine::State::know_queue(const std::string& ns, const std::string& name) {
  if (Queue* known = names.find_queue(ns, name)) return *known;
  const auto free = names.take_free_queue();
  return names.add_queue(free ? *free : ++record.queue, ns, name, settings);
}

Type& Engine::State::know_type(const std::string& name) {
  if (Type* known = names.find_type(name)) return *known;
  const auto free = names.take_free_type();
  return names.add_type(free ? *free : ++record.type, name);
}

Queue& Engine::State::intern_queue(const std::string& ns, const std::string& name) {
  Queue& queue = know_queue(ns, name);
  if (queue.stored) return queue;
  open->put_new(Table::meta, keys::queue_name(queue.number), QueueName{ns, name}.encode());
  names.mark_stored(queue);
  return queue;
}

TypeNumber Engine::State::intern_type(const std::string& name) {
  Type& type = know_type(name);
  if (type.stored) return type.number;
  open->put_new(Table::meta, keys::type_name(type.number), encode_type_name(name));
  names.mark_stored(type);
  return type.number;
}

// Whether there may be as many queues and types as a batch would make.
bool Engine::State::names_left_for(const Enqueue& command, const Queue* queue) {
  const bool fresh_queue = queue == nullptr || !queue->stored;
  if (fresh_queue && names.stored_queues() >= settings.queues_max) return false;
  if (names.stored_types() + command.groups.size() <= settings.types_max) return true;
  std::set<std::string_view> fresh;
  for (const JobGroup& group : command.groups) {
    const Type* type = names.find_type(group.type);
    if (type == nullptr || !type->stored) fresh.insert(group.type);
  }
  return fresh.empty() || names.stored_types() + fresh.size() <= settings.types_max;
}

// Likewise for what a fetch names. What nobody waits for any more makes room.
bool Engine::State::names_left_for(const Fetch& command) {
  const auto fit = [&](std::size_t fresh) {
    return fresh == 0 || names.waited_for() + fresh <= settings.grain.names_waited_for;
  };
  const auto fresh = [&] {
    std::size_t count = 0;
    for (const std::string& name : command.queues)
      count += names.find_queue(command.ns, name) == nullptr ? 1 : 0;
    for (const std::string& name : command.types) count += names.find_type(name) == nullptr ? 1 : 0;
    return count;
  };
  if (fit(command.queues.size() + command.types.size()) || fit(fresh())) return true;
  static constexpr Milliseconds kForgetEvery{1000};
  if (now.at < names_forgotten_at + kForgetEvery) return false;
  names_forgotten_at = now.at;
  scheduler.drop_unused();
  names.forget_waited_for(scheduler.types());
  return fit(fresh());
}

}  // namespace pawl::core
