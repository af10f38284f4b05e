#pragma once

#include <span>
#include <string_view>

namespace pawl {

// A command of pawld that works without a running broker: `pawld NAME ARGUMENTS`.
struct Subcommand {
  std::string_view name;
  std::string_view arguments;  // For the help text.
  std::string_view help;
  int (*run)(std::span<const char* const> arguments);  // Without the name; returns the exit code.
};

std::span<const Subcommand> subcommands();

}  // namespace pawl
