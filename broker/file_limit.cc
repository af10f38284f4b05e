#include "broker/file_limit.h"

#include <algorithm>

#include <sys/resource.h>

namespace pawl {
namespace {

// What the store, the log and the listener need, whatever clients do. A file of values is open
// twice: through the page cache and past it.
constexpr std::size_t kKeptForStore = 2 * 1024 + 256;

}  // namespace

std::size_t connections_that_fit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kKeptForStore;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const auto files = static_cast<std::size_t>(limit.rlim_cur);
  return files - std::min(kKeptForStore, files / 2);
}

}  // namespace pawl
