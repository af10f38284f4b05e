#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pawl::wire {

using Uuid = std::array<std::uint8_t, 16>;

// The text of an id: 8-4-4-4-12 lower-case hexadecimal digits.
std::string uuid_text(const Uuid& uuid);

// Takes either case; nothing else than the 36 characters.
std::optional<Uuid> parse_uuid(std::string_view text);

}  // namespace pawl::wire
