#include "client/wire_error.h"

namespace pawl::client {

static_assert(static_cast<int>(Errc::invalid_argument) == pb::INVALID_ARGUMENT);
static_assert(static_cast<int>(Errc::not_found) == pb::NOT_FOUND);
static_assert(static_cast<int>(Errc::unavailable) == pb::UNAVAILABLE);

Errc errc_of(int code) {
  return code >= pb::OK && code <= pb::UNAVAILABLE ? static_cast<Errc>(code) : Errc::protocol_error;
}

Error error_of(const pb::Error& error) {
  return Error(errc_of(error.code()), error.message())
      .set_retryable(error.retryable())
      .set_retry_after(std::chrono::milliseconds(error.retry_after_ms()));
}

Error not_shown_error(Errc code, const JobId& id) {
  switch (code) {
    case Errc::not_found:
      return Error(code, "no job has the id " + id.to_string());
    case Errc::too_large:
      return Error(code, "job " + id.to_string() + " does not fit into an answer of the broker");
    default:
      return Error(code, "the broker does not show job " + id.to_string());
  }
}

}  // namespace pawl::client
