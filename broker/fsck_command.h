#pragma once

#include <span>

namespace pawl {

// `pawld fsck DIR`: whether all tables of a stopped broker's directory can be read and agree.
// Returns the exit code: 0 clean, 1 something was found, 2 it could not be checked.
int fsck(std::span<const char* const> arguments);

}  // namespace pawl
