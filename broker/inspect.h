#pragma once

#include <span>

namespace pawl {

// `pawld inspect DIR`: what a stopped broker's directory holds. Returns the exit code: 0 shown, 1
// damaged, 2 it could not be had.
int inspect(std::span<const char* const> arguments);

}  // namespace pawl
