#include "client/program_name.h"

#include <cerrno>

namespace pawl::client {

std::string program_name() {
  return program_invocation_short_name;
}

}  // namespace pawl::client
