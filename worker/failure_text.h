#pragma once

#include <cstddef>
#include <string>

#include <pawl/job.h>

namespace pawl::worker {

// Well-formed UTF-8 of at most `bytes_max` bytes: what is not is replaced, what is over is cut off.
std::string cut_text(std::string text, std::size_t bytes_max);

// The same on one line: control characters are replaced too.
std::string cut_line(std::string text, std::size_t bytes_max);

// The failure within the protocol's bounds. Of the detail the end is kept: there is the error.
Failure fit_for_report(Failure failure);

}  // namespace pawl::worker
