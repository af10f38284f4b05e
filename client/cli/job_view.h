#pragma once

#include <vector>

#include "client/cli/output.h"
#include <pawl/job.h>

namespace pawl::cli {

// Jobs for people: many as a table, one with everything that is known.
Table jobs_table(const std::vector<JobStatus>& jobs);
Table job_table(const JobStatus& job);

// "failed: Error: text" and the like: how the job ended, or where it stands.
std::string state_sentence(const JobStatus& job);

}  // namespace pawl::cli
