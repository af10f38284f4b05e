#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pawl::cli {

// RFC 4648 with padding.
std::string base64_encode(std::string_view bytes);
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace pawl::cli
