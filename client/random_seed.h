#pragma once

#include <cstdint>
#include <random>

namespace pawl::client {

inline std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

}  // namespace pawl::client
