#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pawl::cli {

// Columns that the UTF-8 text takes on a terminal.
std::size_t display_width(std::string_view text);

// At most `width` columns; what is cut off is shown by an ellipsis.
std::string cut_to_width(std::string_view text, std::size_t width);

// One line without control characters: what a job's text can do to a terminal or to a tab-separated
// line ends here. Backslash escapes stand in their place; bytes that are not UTF-8 become \xNN.
std::string one_line(std::string_view text);

// The same, but line breaks and tabs stay.
std::string printable(std::string_view text);

}  // namespace pawl::cli
