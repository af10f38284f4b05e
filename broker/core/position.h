#pragma once

#include <compare>

#include "broker/core/types.h"

namespace pawl::core {

// Place in a lane. Whole runs stand at (sequence, 0); a job that came back alone at (its run's
// sequence, index + 1).
struct Position {
  Sequence sequence = 0;
  std::uint16_t slot = 0;

  friend constexpr auto operator<=>(const Position&, const Position&) = default;
};

// A sequence holds the time at which the run became ready, so that age needs no record of its own.
inline constexpr unsigned kSequenceTimeShift = 20;
constexpr Sequence first_sequence_at(Timestamp at) {
  return to_ms(at) << kSequenceTimeShift;
}
constexpr Timestamp time_of(Sequence sequence) {
  return timestamp_from_ms(sequence >> kSequenceTimeShift);
}

}  // namespace pawl::core
