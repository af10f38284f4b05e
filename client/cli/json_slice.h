#pragma once

#include <optional>
#include <string_view>

namespace pawl::cli {

// The text of a member's value as it stands in the object's: numbers keep their digits, spaces and
// order stay. Of several members of that name the last. A name that is written with escapes is not
// found. REQUIRES: `object` is the valid JSON of an object.
std::optional<std::string_view> member_text(std::string_view object, std::string_view name);

}  // namespace pawl::cli
