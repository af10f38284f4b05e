#pragma once

#include <string>

#include "client/cli/app.h"

namespace pawl::cli {

// Enqueues the jobs of a file of JSON lines ("-" is stdin). Each job starts from `defaults`. A bad
// line is named by its number and stops no other; then the command fails.
// stdout: for people a summary; tab-separated an id a line, in the order of the file; json a
// summary; jsonl an object for each line.
ExitCode enqueue_bulk(const App& app, const std::string& path, const Job& defaults);

}  // namespace pawl::cli
