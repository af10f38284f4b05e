#pragma once

#include <cstddef>
#include <memory>

#include "broker/core/command.h"

namespace pawl::core {

// About what a command keeps in memory while it waits.
std::size_t bytes_of(const Enqueue& command);
std::size_t bytes_of(const OpenSession& command);
std::size_t bytes_of(const Fetch& command);
std::size_t bytes_of(const Report& command);
std::size_t bytes_of(const GetJobs& command);
std::size_t bytes_of(const CancelJobs& command);
template <class Small>
std::size_t bytes_of(const Small&) {
  return sizeof(Command);
}

}  // namespace pawl::core
