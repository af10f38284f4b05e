#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include <pawl/job.h>

namespace pawl::cli {

// What is set of a job, by the names of the protocol; ids and times as text, durations too.
boost::json::object job_json(const JobStatus& job);
boost::json::object queue_json(const QueueStats& stats);

// Puts bytes under `name`: JSON as a value, text as a string, everything else as base64 under
// `name`_base64.
void put_bytes(boost::json::object& object, std::string_view name, std::string_view bytes,
               std::string_view content_type);

}  // namespace pawl::cli
