#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace pawl::bench {

// Counts of values in log-linear buckets: exact below 128, within 0.8 % above.
class Histogram {
 public:
  void record(std::uint64_t value) {
    ++buckets_[bucket_of(value)];
    ++count_;
  }

  // The value that a share of `quantile` (0 to 1) of all values does not exceed: the upper end of
  // its bucket; 0 when there are none.
  std::uint64_t quantile(double quantile) const;
  std::uint64_t count() const { return count_; }

 private:
  static constexpr unsigned kLinearBits = 7;
  static constexpr std::uint64_t kLinear = 1u << kLinearBits;

  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t upper_end(std::size_t bucket);

  std::array<std::uint64_t, kLinear*(64 - kLinearBits + 1)> buckets_{};
  std::uint64_t count_ = 0;
};

}  // namespace pawl::bench
