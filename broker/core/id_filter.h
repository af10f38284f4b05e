#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "broker/core/types.h"

namespace pawl::core {

// Tells batch ids that are certainly new from those that have to be looked up. Two generations of a
// blocked Bloom filter; when the younger is full the older is dropped, and ids as old as it may be
// there again.
class IdFilter {
 public:
  // Ids up to `time_ms` may have been accepted before this filter began.
  explicit IdFilter(std::uint64_t time_ms, std::size_t blocks);

  bool surely_new(const BatchId& id) const;
  void insert(const BatchId& id);

 private:
  static constexpr std::size_t kIdsPerBlock = 40;  // About 12 bits an id.

  using Block = std::array<std::uint64_t, 8>;
  struct Generation {
    std::vector<Block> blocks;
    std::size_t count = 0;
    std::uint64_t time_max = 0;
  };

  bool contains(const Generation& generation, const BatchId& id) const;

  std::uint64_t horizon_ms_;
  std::size_t blocks_;
  Generation young_;
  Generation old_;
};

}  // namespace pawl::core
