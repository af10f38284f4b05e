#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace pawl {

enum class OfflineOutput : std::uint8_t { text, json };
enum class JobsWanted : std::uint8_t { counts, each };

// What the commands that read a directory are told.
struct OfflineArguments {
  std::filesystem::path directory;
  OfflineOutput output = OfflineOutput::text;
  JobsWanted jobs = JobsWanted::counts;
};

// Nothing: it was answered by text on a stream, and the process ends with `exit_code`.
struct OfflineParsed {
  std::optional<OfflineArguments> arguments;
  int exit_code = 0;
};
OfflineParsed parse_offline(const std::string& command, const std::string& description,
                            std::span<const char* const> arguments);

}  // namespace pawl
