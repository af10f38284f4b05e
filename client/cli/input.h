#pragma once

#include <string>

namespace pawl::cli {

// Opens what a user has named for reading; "-" is stdin. The caller closes it. Throws a usage error
// that says why it cannot be read.
int open_input(const std::string& path);

// All of its bytes.
std::string read_input(const std::string& path);

}  // namespace pawl::cli
