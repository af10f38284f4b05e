#include "client/cli/header.h"

#include <algorithm>
#include <string>

namespace pawl::cli {

bool add_header(Options& options, std::string_view text) {
  const std::size_t colon = text.find_first_of(":=");
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::size_t value = std::min(text.find_first_not_of(' ', colon + 1), text.size());
  options.header(std::string(text.substr(0, colon)), std::string(text.substr(value)));
  return true;
}

}  // namespace pawl::cli
