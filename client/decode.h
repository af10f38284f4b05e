#pragma once

#include <string_view>

#include "proto/pawl.pb.h"
#include <pawl/job.h>

namespace pawl::client {

// Wire messages as public values. What a newer broker says and this client does not know becomes
// the nearest default.
JobStatus status_of(const pb::JobStatus& status);
QueueStats stats_of(const pb::QueueStat& stat);

// An id of another length than 16 bytes becomes the zero id.
JobId id_of(std::string_view bytes);
std::string_view bytes_of(const JobId& id);

}  // namespace pawl::client
