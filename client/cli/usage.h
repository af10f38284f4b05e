#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>

#include "client/cli/command_error.h"

namespace pawl::cli {

struct NumberRange {
  std::uint64_t least = 0;
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};

// For an option's check(): the library's own checks speak of types and bounds as C++ has them.
CLI::Validator whole_number(NumberRange range = {});
CLI::Validator number_over_zero();

// "a, b or c".
std::string listed(const std::vector<std::string_view>& words);

// What is wrong with a command line in the words of all our programs, and the name that was
// probably meant. `grammar` is what has failed to parse it.
CommandError usage_error_of(const CLI::App& grammar, const CLI::ParseError& wrong);

}  // namespace pawl::cli
