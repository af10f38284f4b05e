#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/core/records.h"
#include "broker/core/settings.h"

namespace pawl::core {

struct Lane;
struct Subscription;

struct Queue {
  QueueNumber number = 0;
  bool stored = false;  // Some job was enqueued to it; else it is only waited for.
  std::string ns;
  std::shared_ptr<const std::string> name;
  const QueueSettings* settings = nullptr;
  CountsRecord counts;
  std::uint64_t leased = 0;
  bool counts_dirty = false;
  std::map<LaneNumber, Lane*> lanes;
  std::size_t lanes_loading = 0;
  std::vector<Subscription*> subscriptions;
};

struct Type {
  TypeNumber number = 0;
  bool stored = false;  // Likewise.
};

// Queues and types by name and by number. Those that fetches name but no job has had yet are known
// in memory only, as long as a subscription needs them.
class Names {
 public:
  Queue* find_queue(const std::string& ns, const std::string& name) const;
  Queue& queue(QueueNumber number) const { return *queues_.at(number); }
  bool has_queue(QueueNumber number) const { return queues_.count(number) != 0; }
  Queue& add_queue(QueueNumber number, std::string ns, std::string name, const Settings& settings);

  Type* find_type(const std::string& name);
  const std::string& type(TypeNumber number) const { return *types_.at(number); }
  Type& add_type(TypeNumber number, const std::string& name);

  // To be called when the name is first put into the store.
  void mark_stored(Queue& queue);
  void mark_stored(Type& type);

  // Forgets the names that are only waited for, but for those of `types` and of queues with a
  // subscription.
  void forget_waited_for(const std::set<TypeNumber>& types);
  // Numbers that were given to such names may be given again: nothing refers to them.
  std::optional<QueueNumber> take_free_queue();
  std::optional<TypeNumber> take_free_type();

  const std::map<QueueNumber, std::unique_ptr<Queue>>& queues() const { return queues_; }
  std::size_t stored_queues() const { return stored_queues_; }
  std::size_t stored_types() const { return stored_types_; }
  std::size_t waited_for() const {
    return queues_.size() - stored_queues_ + types_.size() - stored_types_;
  }

 private:
  std::map<QueueNumber, std::unique_ptr<Queue>> queues_;
  std::map<std::pair<std::string, std::string>, Queue*> by_name_;
  std::unordered_map<TypeNumber, const std::string*> types_;  // The keys of types_by_name_.
  std::unordered_map<std::string, Type> types_by_name_;
  std::size_t stored_queues_ = 0;
  std::size_t stored_types_ = 0;
  std::vector<QueueNumber> free_queues_;
  std::vector<TypeNumber> free_types_;
};

}  // namespace pawl::core
