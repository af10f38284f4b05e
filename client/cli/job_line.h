#pragma once

#include <string_view>

#include <pawl/error.h>
#include <pawl/job.h>

namespace pawl::cli {

// A line of a bulk file: a JSON object with
//   type                                            unless the defaults have it
//   payload          a text stands for its own bytes, any other JSON for its text in the line
//   payload_base64   or the bytes so
//   queue namespace key content_type                text
//   priority max_attempts schema_version            numbers
//   delay retention run_time_limit backoff backoff_max   "30s"
//   at (or run_at)                                  "2030-01-31T08:00:00Z"
//   tags (or tag) [text, ...] or text
//   headers (or header) {name: text, ...} or "NAME:VALUE"
// Names may be written with dashes, as the options of the command line. Anything else is an error
// that names it. What is not there is as in the defaults; tags and headers join those there.
Result<Job> parse_job_line(std::string_view line, const Job& defaults);

}  // namespace pawl::cli
