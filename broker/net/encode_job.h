#pragma once

#include <cstdint>

#include "broker/core/reply.h"
#include "proto/wire.h"

namespace pawl::net {

// Appends a JobStatus as field `field`.
void write_job(std::uint32_t field, const core::JobView& job, wire::FieldWriter& writer);

}  // namespace pawl::net
