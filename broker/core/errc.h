#pragma once

#include <cstdint>
#include <string_view>

namespace pawl::core {

// What a client may be told. The numbers are those of Code in proto/pawl.proto.
enum class Errc : std::uint8_t {
  ok = 0,
  invalid_argument = 1,  // The request or job breaks a rule.
  unsupported = 2,       // An operation, version or option that this broker does not know.
  too_large = 3,         // Over a limit.
  unauthenticated = 4,   // Hello is missing or its credentials are wrong.
  not_found = 5,         // No such job, or past its retention.
  id_expired = 6,        // The batch id's time lies outside the receipt window.
  id_conflict = 7,       // The batch id is taken by other bytes.
  lease_lost = 8,        // The token is stale; nothing was changed.
  overloaded = 9,        // At a bound; again later.
  disk_full = 10,        // No room for new jobs; reports are still taken.
  unavailable = 11,      // Stopping, starting, or the store was lost; the outcome may be unknown.
};

std::string_view to_string(Errc code);

// Whether the same request may succeed later.
bool retryable(Errc code);

}  // namespace pawl::core
