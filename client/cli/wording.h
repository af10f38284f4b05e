#pragma once

#include <string>
#include <string_view>

namespace pawl::cli {

// A refusal by the broker in the words of the command line: it names fields as the protocol does
// ("retry.backoff_ms", "defaults: type"), and counts in milliseconds.
std::string in_users_words(std::string_view message);

}  // namespace pawl::cli
