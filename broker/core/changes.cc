#include "broker/core/changes.h"

#include <array>

namespace pawl::core {

std::string_view to_string(Table table) {
  static constexpr std::array<std::string_view, kTableCount> kNames = {
      "meta",   "batches",   "outcomes",  "results",  "jobs",   "ready",
      "lanes",  "agenda",    "leases",    "closed",   "listed", "dead",
      "unique", "schedules", "workflows", "settings", "history"};
  return kNames[static_cast<std::size_t>(table)];
}

}  // namespace pawl::core
