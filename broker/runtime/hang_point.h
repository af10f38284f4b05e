#pragma once

#ifdef PAWL_KILL_POINTS
#include <cstdlib>
#include <string>
#include <unistd.h>
#endif

namespace pawl::runtime {

// In test builds the thread that comes by stands still for ever, as at a disk that hangs, once
// $PAWL_HANG_DIR has a file of this name. Nothing in others.
inline void hang_point([[maybe_unused]] const char* name) {
#ifdef PAWL_KILL_POINTS
  static const char* const directory = std::getenv("PAWL_HANG_DIR");
  if (directory == nullptr) return;
  const std::string file = std::string(directory).append("/").append(name);
  while (::access(file.c_str(), F_OK) == 0) ::pause();
#endif
}

}  // namespace pawl::runtime
