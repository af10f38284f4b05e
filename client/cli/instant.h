#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <pawl/options.h>

namespace pawl::cli {

// RFC 3339: "2026-03-01T08:00:00Z", "2026-03-01 09:00:00.250+01:00". Nothing when it is not one.
std::optional<Time> parse_instant(std::string_view text);

// RFC 3339 in UTC with milliseconds.
std::string instant_text(Time time);

}  // namespace pawl::cli
