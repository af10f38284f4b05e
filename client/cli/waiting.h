#pragma once

#include <optional>

#include "client/cli/app.h"

namespace pawl::cli {

// Waits for the job's end and prints its result, or with -o json the whole job. Without a timeout
// it waits for good. A job that ended in another way than completed, or has not ended, is a
// CommandError.
ExitCode wait_and_print(Client& client, const App& app, const JobId& id,
                        std::optional<Milliseconds> timeout);

}  // namespace pawl::cli
