#include "bench/random.h"

#include <random>

namespace pawl::bench {

std::uint64_t fresh_seed() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

}  // namespace pawl::bench
