#pragma once

#include <string>
#include <string_view>

namespace pawl::worker {

// Whether a broker takes it: 1 to 128 of A-Z a-z 0-9 _ . : -
bool is_worker_id(std::string_view text);

// "host:pid". What a worker's id may not have becomes '_', and of a long host the end is left out,
// never the pid.
std::string default_worker_id(std::string_view host, long pid);

}  // namespace pawl::worker
