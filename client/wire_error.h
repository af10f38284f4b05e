#pragma once

#include "proto/pawl.pb.h"
#include <pawl/error.h>

namespace pawl::client {

// A code of the wire as the client's; one that this version does not know is a protocol error.
Errc errc_of(int code);

Error error_of(const pb::Error& error);

// Of a job that the broker did not show, for `code`.
Error not_shown_error(Errc code, const JobId& id);

}  // namespace pawl::client
