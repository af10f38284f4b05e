#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace pawl::cli {

// "30s", "1h30m", "2.5s", "250ms", "7d"; a unit must be written. Nothing when it is not one, or
// longer than a hundred years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// At most two units: "1h30m", "2.5s", "250ms", "0s".
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace pawl::cli
