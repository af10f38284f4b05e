#pragma once

#include <string>
#include <string_view>

#include "broker/config.h"

namespace pawl {

// Makes the default logger write to standard error as the settings say, at once and without waiting
// (LogSink). Whatever is logged stays one line: control characters are escaped.
void set_up_log(const LogSettings& settings);

// `text` as it may stand in a line, or between the quotes of a JSON string.
std::string escaped(std::string_view text);
std::string json_escaped(std::string_view text);

}  // namespace pawl
