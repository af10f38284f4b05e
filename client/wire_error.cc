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

}  // namespace pawl::client
