#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "broker/config.h"

namespace pawl {

// What the command line asks for.
struct CommandLine {
  enum class Wish : std::uint8_t { run, check_config, print_config };
  Wish wish = Wish::run;
  ConfigSources sources;  // Flags over environment over file over defaults.
};

// Reads flags, environment and file. Nothing: it was answered by text on a stream (help, version,
// an error), and the process ends with `exit_code`.
struct Parsed {
  std::optional<CommandLine> line;
  int exit_code = 0;
};
Parsed parse_command_line(std::span<const char* const> arguments);

}  // namespace pawl
