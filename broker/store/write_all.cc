#include "broker/store/write_all.h"

#include <cerrno>
#include <unistd.h>

namespace pawl::store {

int write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(file, bytes.data(), bytes.size());
    if (put < 0 && errno != EINTR) return errno;
    if (put > 0) bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return 0;
}

}  // namespace pawl::store
