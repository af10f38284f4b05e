#pragma once

#include <string_view>

#include <pawl/options.h>

namespace pawl::cli {

// Adds the header that "NAME:VALUE" or "NAME=VALUE" stands for. False when it stands for none.
bool add_header(Options& options, std::string_view text);

}  // namespace pawl::cli
