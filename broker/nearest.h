#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pawl {

// `, did you mean "X"?` for the name nearest to `word`; empty when none is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& names);

}  // namespace pawl
