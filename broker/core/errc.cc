#include "broker/core/errc.h"

namespace pawl::core {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::ok:
      return "ok";
    case Errc::invalid_argument:
      return "invalid_argument";
    case Errc::unsupported:
      return "unsupported";
    case Errc::too_large:
      return "too_large";
    case Errc::unauthenticated:
      return "unauthenticated";
    case Errc::not_found:
      return "not_found";
    case Errc::id_expired:
      return "id_expired";
    case Errc::id_conflict:
      return "id_conflict";
    case Errc::lease_lost:
      return "lease_lost";
    case Errc::overloaded:
      return "overloaded";
    case Errc::disk_full:
      return "disk_full";
    case Errc::unavailable:
      return "unavailable";
  }
  return "unknown";
}

bool retryable(Errc code) {
  return code == Errc::overloaded || code == Errc::disk_full || code == Errc::unavailable;
}

}  // namespace pawl::core
