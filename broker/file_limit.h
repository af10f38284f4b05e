#pragma once

#include <cstddef>

namespace pawl {

// Raises the process's limit of open files as far as it may, and tells how many connections fit
// below it when the store keeps its share.
std::size_t connections_that_fit();

}  // namespace pawl
