#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

namespace pawl::bench {

// Random bytes at the price of a copy: slices of a block too large for any compression window.
class RandomBytes {
 public:
  explicit RandomBytes(std::uint64_t seed)
      : state_(seed), block_(std::make_unique<std::uint64_t[]>(kWords)) {
    for (std::size_t i = 0; i < kWords; ++i) block_[i] = next();
  }

  // splitmix64.
  std::uint64_t next() {
    std::uint64_t word = state_ += 0x9e3779b97f4a7c15u;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u;
    word = (word ^ word >> 27) * 0x94d049bb133111ebu;
    return word ^ word >> 31;
  }

  // REQUIRES: size <= 4096.
  void fill(char* out, std::size_t size) {
    const std::size_t front = static_cast<std::size_t>(next() % (kWords * 8 - 4096));
    std::memcpy(out, reinterpret_cast<const char*>(block_.get()) + front, size);
  }

 private:
  static constexpr std::size_t kWords = std::size_t{1} << 20;

  std::uint64_t state_;
  std::unique_ptr<std::uint64_t[]> block_;
};

std::uint64_t fresh_seed();

}  // namespace pawl::bench
