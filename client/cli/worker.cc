#include <algorithm>
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

#include "client/cli/app.h"
#include "client/cli/command_error.h"
#include "client/cli/instant.h"
#include "client/cli/line_writer.h"
#include "client/cli/text.h"
#include "client/cli/usage.h"
#include <pawl/exec.h>
#include <pawl/worker.h>

namespace pawl::cli {
namespace {

// The handing back waits for the programs' SIGKILL.
constexpr Milliseconds kAfterKill{1'000};

struct ExecArguments {
  std::vector<std::string> queues;
  std::vector<std::string> types;
  unsigned concurrency = std::max(1u, std::thread::hardware_concurrency());
  std::string worker_id;
  std::string result_type;
  Milliseconds grace{25'000};
  Milliseconds kill_after{5'000};
  bool quiet = false;
};

std::string_view word_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "";
}

std::string log_line(LogLevel level, std::string_view text) {
  const auto now = std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
  return instant_text(now) + " " + std::string(word_of(level)) + " " + one_line(text);
}

bool is_program(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored) && access(path.c_str(), X_OK) == 0;
}

// A program that is not there is told before the first job fails for it.
void require_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    if (!is_program(name)) throw usage_error(name + " is no program that can be run");
    return;
  }
  const char* variable = getenv("PATH");
  const std::string path = variable != nullptr ? variable : "/usr/bin:/bin";
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find(':', at), path.size());
    const std::string folder = path.substr(at, end - at);
    if (is_program((folder.empty() ? "." : folder) + "/" + name)) return;
    at = end + 1;
  }
  throw usage_error("there is no program " + name + " in PATH");
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string what_is_served(const ExecArguments& arguments) {
  const std::string queues = arguments.queues.empty() ? "default" : joined(arguments.queues);
  const std::string types =
      arguments.types.empty() ? "jobs of every type" : "type " + joined(arguments.types);
  return "serving queue " + queues + ", " + types + ", up to " +
         std::to_string(arguments.concurrency) + " at once";
}

ExitCode exec(const App& app, const ExecArguments& arguments) {
  if (app.program.empty()) {
    throw usage_error("there is no program to run", "pawl worker exec [OPTIONS] -- PROGRAM ARGS");
  }
  ClientOptions connection = app.client_options();
  const LogLevel least = arguments.quiet ? LogLevel::warning : LogLevel::info;
  // A handler that did not stop in time may still log when the worker is gone.
  LineWriter log(STDERR_FILENO);
  connection.log([least, write = log.sink()](LogLevel level, std::string_view text) {
    if (level >= least) write(log_line(level, text));
  });
  // Inherited as ignored, it would keep the ends of programs from us.
  signal(SIGCHLD, SIG_DFL);
  Worker worker(WorkerOptions()
                    .connection(connection)
                    .worker_id(arguments.worker_id)
                    .concurrency(arguments.concurrency)
                    .stop_wait(arguments.kill_after + kAfterKill));
  require_program(app.program.front());
  for (const std::string& queue : arguments.queues) worker.queue(queue);
  const Handler handler = exec_handler(
      ExecOptions(app.program).result_type(arguments.result_type).kill_after(arguments.kill_after));
  for (const std::string& type : arguments.types) worker.on(type, handler);
  if (arguments.types.empty()) worker.default_handler(handler);
  if (!arguments.quiet) log.add(log_line(LogLevel::info, what_is_served(arguments)));
  const int status = worker.run_until_signal({SIGTERM, SIGINT}, arguments.grace);
  return status == 0 ? ExitCode::done : ExitCode::failed;
}

void add_exec_options(CLI::App& command, ExecArguments& arguments) {
  command
      .add_option("--queue", arguments.queues,
                  "Serve this queue; several times for several, the most important first; "
                  "\"default\" by default")
      ->expected(1)
      ->allow_extra_args(false)  // Else it eats what follows, "--" too.
      ->take_all();
  command
      .add_option("--type", arguments.types,
                  "Only jobs of this type; may be repeated; every type by default")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all();
  command.add_option("--concurrency", arguments.concurrency, "How many programs run at once")
      ->capture_default_str()
      ->check(whole_number({.least = 1, .most = 1000}));
  command.add_option("--worker-id", arguments.worker_id,
                     "A name for people, up to 128 of A-Z a-z 0-9 _ . : -; host:pid by default");
  command.add_option("--result-type", arguments.result_type, "The content type of the results");
  add_duration(
      command, "--grace", [&](Milliseconds value) { arguments.grace = value; },
      "After a signal, how long running programs may go on; default 25s");
  add_duration(
      command, "--kill-after", [&](Milliseconds value) { arguments.kill_after = value; },
      "From SIGTERM to SIGKILL, for a program that shall stop; default 5s");
  command.add_flag("--quiet", arguments.quiet, "Log only warnings and errors");
}

constexpr const char* kExecHelp =
    "The payload is on stdin; PAWL_JOB_ID, PAWL_JOB_TYPE, PAWL_QUEUE, PAWL_ATTEMPT, PAWL_TOKEN,\n"
    "PAWL_CONTENT_TYPE, PAWL_WORKER_ID and PAWL_HEADER_* are in the environment. stdout is the\n"
    "result, up to 1 MiB. Exit status 0 completes the job, 75 hands it back uncounted, any other\n"
    "fails the attempt, with the end of stderr as its detail.\n"
    "\n"
    "A program whose job is cancelled, over its run-time limit or run elsewhere gets SIGTERM, and\n"
    "SIGKILL after --kill-after. When it ends with 0 all the same, its job is completed, unless\n"
    "it runs elsewhere.\n"
    "\n"
    "SIGTERM drains: no new jobs, and those that run may end. The worker's own exit status is 1\n"
    "when jobs had to be handed back, 2 when the broker refuses it or there is no such program.\n"
    "\n"
    "Example:\n"
    "  pawl worker exec --queue media --type resize --concurrency 4 -- ./resize --fast\n";

}  // namespace

void add_worker(CLI::App& grammar, App& app) {
  CLI::App* worker = grammar.add_subcommand("worker", "Run jobs");
  worker->require_subcommand(1)->footer("");
  CLI::App* command = worker->add_subcommand(
      "exec", "Run a program for each job: pawl worker exec [OPTIONS] -- PROGRAM ARGS");
  command->footer(kExecHelp);
  const auto arguments = std::make_shared<ExecArguments>();
  add_exec_options(*command, *arguments);
  command->callback(
      [&app, arguments] { app.chosen = [&app, arguments] { return exec(app, *arguments); }; });
}

}  // namespace pawl::cli
