#include "broker/store/kill_point.h"

#ifdef PAWL_KILL_POINTS

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <unistd.h>

#include "broker/core/assert.h"

namespace pawl::store {

namespace {

struct Target {
  std::string name;
  std::optional<core::Table> table;
  std::uint64_t nth = 0;
};

core::Table table_named(std::string_view name) {
  for (std::size_t i = 0; i < core::kTableCount; ++i) {
    if (to_string(static_cast<core::Table>(i)) == name) return static_cast<core::Table>(i);
  }
  PAWL_ASSERT(!"PAWL_KILL_AT names a table that there is not");
  std::abort();
}

std::optional<Target> parse(const char* text) {
  if (text == nullptr) return std::nullopt;
  const std::string_view all(text);
  const std::size_t colon = all.rfind(':');
  PAWL_ASSERT(colon != std::string_view::npos);
  std::string_view name = all.substr(0, colon);
  Target target;
  target.nth = std::strtoull(text + colon + 1, nullptr, 10);
  if (const std::size_t at = name.find('@'); at != std::string_view::npos) {
    target.table = table_named(name.substr(at + 1));
    name = name.substr(0, at);
  }
  target.name = name;
  return target;
}

bool touches(const core::Commit* commit, core::Table table) {
  return commit != nullptr &&
         std::ranges::any_of(commit->ops(), [&](const core::Op& op) { return op.table == table; });
}

}  // namespace

void pass_kill_point(std::string_view name, const core::Commit* commit) {
  static const std::optional<Target> target = parse(std::getenv("PAWL_KILL_AT"));
  static std::atomic<std::uint64_t> passed{0};
  if (!target || target->name != name) return;
  if (target->table && !touches(commit, *target->table)) return;
  if (++passed == target->nth) ::kill(::getpid(), SIGKILL);
}

}  // namespace pawl::store

#endif
