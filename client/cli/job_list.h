#pragma once

#include "client/cli/app.h"

namespace pawl::cli {

// Adds `job list`. The App outlives the grammar.
void add_job_list(CLI::App& job, App& app);

}  // namespace pawl::cli
