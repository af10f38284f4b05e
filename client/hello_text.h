#pragma once

#include <cstddef>
#include <string>

namespace pawl::client {

// A name of this machine or program as a Hello may carry it, since for an odd name the broker would
// refuse the whole connection: at most so many bytes, cut between characters. What is not one line
// of UTF-8 without control characters is brought to ASCII, with '_' for every other byte.
std::string hello_text(std::string name, std::size_t bytes_max);

}  // namespace pawl::client
