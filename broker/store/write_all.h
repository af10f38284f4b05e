#pragma once

#include <string_view>

namespace pawl::store {

// Writes all of the bytes, whatever signals come in between. 0, or the error's number.
[[nodiscard]] int write_all(int file, std::string_view bytes);

}  // namespace pawl::store
