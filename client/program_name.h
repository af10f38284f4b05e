#pragma once

#include <string>

namespace pawl::client {

// The running program's name without its folder.
std::string program_name();

}  // namespace pawl::client
