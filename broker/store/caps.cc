#include "broker/store/caps.h"

#include <fmt/format.h>

namespace pawl::store {

std::string violation_of(const Caps& caps, const core::Commit& commit) {
  if (commit.ops().size() > caps.ops_max) {
    return fmt::format("{} operations in one commit, at most {}", commit.ops().size(),
                       caps.ops_max);
  }
  if (commit.bytes() > caps.bytes_max) {
    return fmt::format("{} bytes in one commit, at most {}", commit.bytes(), caps.bytes_max);
  }
  for (const core::Op& op : commit.ops()) {
    const std::size_t value = op.head.size() + op.tail.size();
    if (op.key.empty() || op.key.size() > caps.key_bytes_max || value > caps.value_bytes_max) {
      return fmt::format("a key of {} bytes with a value of {} in table {}, at most {} and {}",
                         op.key.size(), value, core::to_string(op.table), caps.key_bytes_max,
                         caps.value_bytes_max);
    }
  }
  return {};
}

}  // namespace pawl::store
