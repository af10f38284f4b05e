#pragma once

#include <span>

namespace pawl {

// `pawld inspect DIR`: what a stopped broker's directory holds. Returns the exit code; throws
// std::runtime_error when it cannot be read.
int inspect(std::span<const char* const> arguments);

}  // namespace pawl
