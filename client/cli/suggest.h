#pragma once

#include <span>
#include <string_view>

namespace pawl::cli {

// The name that was probably meant; empty when none is like it.
std::string_view closest(std::string_view mistyped, std::span<const std::string_view> names);

}  // namespace pawl::cli
