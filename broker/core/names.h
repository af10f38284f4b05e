#pragma once

#include <map>
#include <memory>
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

// Queues and types by name and by number.
class Names {
 public:
  Queue* find_queue(const std::string& ns, const std::string& name) const;
  Queue& queue(QueueNumber number) const { return *queues_.at(number); }
  bool has_queue(QueueNumber number) const { return queues_.count(number) != 0; }
  Queue& add_queue(QueueNumber number, std::string ns, std::string name, const Settings& settings);

  const TypeNumber* find_type(const std::string& name) const;
  const std::string& type(TypeNumber number) const { return types_.at(number); }
  void add_type(TypeNumber number, const std::string& name);

  const std::map<QueueNumber, std::unique_ptr<Queue>>& queues() const { return queues_; }
  std::size_t types() const { return types_.size(); }

 private:
  std::map<QueueNumber, std::unique_ptr<Queue>> queues_;
  std::map<std::pair<std::string, std::string>, Queue*> by_name_;
  std::unordered_map<TypeNumber, std::string> types_;
  std::unordered_map<std::string, TypeNumber> type_numbers_;
};

}  // namespace pawl::core
