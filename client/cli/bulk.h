#pragma once

#include <string>

#include "client/cli/app.h"

namespace pawl::cli {

// Enqueues the jobs of a file of JSON lines ("-" is stdin). Each job starts from `defaults`. A bad
// line is named by its number and stops no other; then the command fails. What a live pipe has is
// sent when it pauses. A Ctrl-C ends the reading; what was sent still gets its answers. When no job
// of a call was taken within --timeout (a minute by default), it reads no further and fails.
// BulkReport has what is printed.
ExitCode enqueue_bulk(const App& app, const std::string& path, const Job& defaults);

}  // namespace pawl::cli
