#pragma once

#include <cstdint>
#include <vector>

#include "broker/core/random.h"
#include "tests/simulation/event_queue.h"

namespace pawl::simulation {

// Everything that is random in a simulation comes from here, so that its seed repeats it.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}

  std::uint64_t next() { return random_.next(); }
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : random_.next() % bound; }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + below(high - low + 1);
  }
  bool percent(std::uint64_t chance) { return below(100) < chance; }
  bool per_mille(std::uint64_t chance) { return below(1000) < chance; }

  // Each order of magnitude up to `high` is as likely as the others.
  std::uint64_t spread(std::uint64_t high) {
    unsigned bits = 0;
    while (bits < 63 && (high >> bits) != 0) ++bits;
    const std::uint64_t bound = std::uint64_t{1} << below(bits + 1);
    const std::uint64_t drawn = below(bound);
    return drawn > high ? high : drawn;
  }
  Micros spread(Micros high) {
    return Micros{static_cast<std::int64_t>(spread(static_cast<std::uint64_t>(high.count())))};
  }
  core::Milliseconds spread_ms(core::Milliseconds high) {
    return core::Milliseconds{
        static_cast<std::int64_t>(spread(static_cast<std::uint64_t>(high.count())))};
  }
  Micros between(Micros low, Micros high) {
    return low + Micros{static_cast<std::int64_t>(
                     below(static_cast<std::uint64_t>((high - low).count()) + 1))};
  }
  // Times between events that come on average every `mean`.
  Micros around(Micros mean) { return between(mean / 4, mean * 7 / 4); }

  template <class Value>
  const Value& pick(const std::vector<Value>& values) {
    return values[below(values.size())];
  }

 private:
  core::Random random_;
};

}  // namespace pawl::simulation
