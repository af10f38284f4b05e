#include "bench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace pawl::bench {

std::size_t Histogram::bucket_of(std::uint64_t value) {
  if (value < kLinear) return static_cast<std::size_t>(value);
  // The top kLinearBits + 1 bits name the bucket; the first of them is always set.
  const auto shift = static_cast<unsigned>(std::bit_width(value)) - kLinearBits - 1;
  return static_cast<std::size_t>((shift + 1) * kLinear + (value >> shift) - kLinear);
}

std::uint64_t Histogram::upper_end(std::size_t bucket) {
  if (bucket < kLinear) return bucket;
  const std::uint64_t shift = bucket / kLinear - 1;
  return ((bucket % kLinear + kLinear + 1) << shift) - 1;
}

std::uint64_t Histogram::quantile(double quantile) const {
  if (count_ == 0) return 0;
  const auto wanted = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen >= wanted) return upper_end(bucket);
  }
  return upper_end(buckets_.size() - 1);
}

}  // namespace pawl::bench
