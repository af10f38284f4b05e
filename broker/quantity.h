#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pawl {

// Sizes and durations as people write them: "64MiB", "512B"; "30s", "250ms", "24h", "180d". A
// number without its unit is none. Decimal fractions are not taken.
std::optional<std::uint64_t> parse_bytes(std::string_view text);
std::optional<std::uint64_t> parse_duration_ms(std::string_view text);
std::optional<std::uint64_t> parse_count(std::string_view text);

// In the largest unit that fits without a rest.
std::string format_bytes(std::uint64_t bytes);
std::string format_duration_ms(std::uint64_t ms);

// For people: about as much, in the unit that says it in few digits.
std::string rounded_bytes(std::uint64_t bytes);

}  // namespace pawl
