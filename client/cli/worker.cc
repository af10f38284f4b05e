#include "client/cli/app.h"
#include "client/cli/command_error.h"

namespace pawl::cli {

void add_worker(CLI::App& grammar, App& app) {
  CLI::App* worker = grammar.add_subcommand("worker", "Run jobs");
  worker->require_subcommand(1);
  static_cast<void>(app);
}

}  // namespace pawl::cli
