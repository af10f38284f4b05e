#include <pawl/error.h>

namespace pawl::inline v1 {

std::string_view name_of(Errc code) {
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
    case Errc::deadline:
      return "deadline";
    case Errc::connection:
      return "connection";
    case Errc::protocol_error:
      return "protocol_error";
    case Errc::closed:
      return "closed";
    case Errc::cancelled:
      return "cancelled";
  }
  return "unknown";
}

}  // namespace pawl::inline v1
