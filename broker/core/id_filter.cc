#include "broker/core/id_filter.h"

#include <algorithm>

namespace pawl::core {

namespace {

constexpr int kProbes = 6;

// Where an id's bits stand: the block, and nine bits of place for each probe.
struct Place {
  std::size_t block;
  std::uint64_t bits;
};

Place place_of(const BatchId& id, std::size_t blocks) {
  const std::uint64_t mixed = (id.low ^ (id.high * 0x9e3779b97f4a7c15ULL)) * 0xbf58476d1ce4e5b9ULL;
  const std::uint64_t bits = (mixed ^ (mixed >> 29)) * 0x94d049bb133111ebULL;
  return {static_cast<std::size_t>((mixed >> 32) % blocks), bits ^ (bits >> 32)};
}

}  // namespace

IdFilter::IdFilter(std::uint64_t time_ms, std::size_t blocks)
    : horizon_ms_(time_ms), blocks_(blocks) {
  young_.blocks.resize(blocks_);
}

bool IdFilter::contains(const Generation& generation, const BatchId& id) const {
  if (generation.count == 0) return false;
  Place place = place_of(id, blocks_);
  const Block& block = generation.blocks[place.block];
  for (int probe = 0; probe < kProbes; ++probe, place.bits >>= 9) {
    const auto bit = place.bits & 511;
    if ((block[bit >> 6] & (std::uint64_t{1} << (bit & 63))) == 0) return false;
  }
  return true;
}

bool IdFilter::surely_new(const BatchId& id) const {
  return id.time_ms() > horizon_ms_ && !contains(young_, id) && !contains(old_, id);
}

void IdFilter::insert(const BatchId& id) {
  if (young_.count >= blocks_ * kIdsPerBlock) {
    horizon_ms_ = std::max(horizon_ms_, old_.time_max);
    old_ = std::move(young_);
    young_ = Generation{};
    young_.blocks.resize(blocks_);
  }
  Place place = place_of(id, blocks_);
  Block& block = young_.blocks[place.block];
  for (int probe = 0; probe < kProbes; ++probe, place.bits >>= 9) {
    const auto bit = place.bits & 511;
    block[bit >> 6] |= std::uint64_t{1} << (bit & 63);
  }
  ++young_.count;
  young_.time_max = std::max(young_.time_max, id.time_ms());
}

}  // namespace pawl::core
