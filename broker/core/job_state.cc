#include "broker/core/job_state.h"

#include <array>

namespace pawl::core {

namespace {

constexpr std::array<std::string_view, kJobStateCount> kNames = {
    "none",     "blocked",   "scheduled", "pending",   "processing",
    "retrying", "completed", "failed",    "cancelled", "expired"};

constexpr std::uint16_t bit(JobState state) {
  return static_cast<std::uint16_t>(1U << static_cast<unsigned>(state));
}

using enum JobState;

// Row: from; bits: to.
constexpr std::array<std::uint16_t, kJobStateCount> kTransitions = {
    /* none       */ static_cast<std::uint16_t>(bit(blocked) | bit(scheduled) | bit(pending)),
    /* blocked    */
    static_cast<std::uint16_t>(bit(scheduled) | bit(pending) | bit(cancelled) | bit(failed)),
    /* scheduled  */ static_cast<std::uint16_t>(bit(pending) | bit(cancelled) | bit(expired)),
    /* pending    */
    static_cast<std::uint16_t>(bit(processing) | bit(scheduled) | bit(completed) | bit(cancelled) |
                               bit(expired)),
    /* processing */
    static_cast<std::uint16_t>(bit(pending) | bit(retrying) | bit(completed) | bit(failed) |
                               bit(cancelled)),
    /* retrying   */ static_cast<std::uint16_t>(bit(pending) | bit(cancelled) | bit(expired)),
    /* completed  */ 0,
    /* failed     */ static_cast<std::uint16_t>(bit(pending) | bit(scheduled)),
    /* cancelled  */ 0,
    /* expired    */ 0,
};

}  // namespace

std::string_view to_string(JobState state) {
  return kNames[static_cast<std::size_t>(state)];
}

bool is_final(JobState state) {
  return state == completed || state == failed || state == cancelled || state == expired;
}

bool may_become(JobState from, JobState to) {
  return (kTransitions[static_cast<std::size_t>(from)] & bit(to)) != 0;
}

}  // namespace pawl::core
