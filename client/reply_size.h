#pragma once

#include <algorithm>
#include <cstddef>

#include <pawl/job.h>

namespace pawl::client {

// What the statuses of so many jobs may come to in one reply. Without payload and result they are
// seldom larger than that.
inline std::size_t reply_bytes_of(std::size_t jobs, View view) {
  constexpr std::size_t kReplyBytesMax = std::size_t{4} << 20;
  constexpr std::size_t kFullBytes = std::size_t{2} << 20;
  constexpr std::size_t kStatusBytes = std::size_t{4} << 10;
  return std::min(jobs * (view == View::full ? kFullBytes : kStatusBytes), kReplyBytesMax);
}

}  // namespace pawl::client
