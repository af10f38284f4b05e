#include "client/cli/app.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "client/cli/command_error.h"
#include "client/cli/duration.h"
#include "client/cli/instant.h"
#include "client/cli/usage.h"

namespace pawl::cli {
namespace {

constexpr Milliseconds kTimeout{10'000};
constexpr Milliseconds kConnectTimeout{2'000};

constexpr const char* kExamples =
    "Examples:\n"
    "  pawl enqueue email.send '{\"to\":\"a@example.org\"}'        one job; prints its id\n"
    "  pawl enqueue --queue media resize photo.png --wait      prints the result\n"
    "  pawl enqueue --bulk jobs.jsonl                          one JSON object a line\n"
    "  pawl worker exec --queue media --type resize -- ./resize\n"
    "  pawl job list --queue media --state failed -o json\n"
    "\n"
    "Exit status: 0 done; 1 failed, also when the job that was waited for did not complete or a\n"
    "line of --bulk was refused; 2 wrong usage; 3 not found; 4 denied; 5 conflict; 6 unavailable;\n"
    "7 deadline; 130 interrupted. With -o json an error is one object on stderr.\n";

// Ends the process at a Ctrl-C with the status that the shells know.
void exit_when_interrupted() {
  struct sigaction action {};
  action.sa_handler = [](int) { _exit(static_cast<int>(ExitCode::interrupted)); };
  sigaction(SIGINT, &action, nullptr);
}

// What is opened later must not become stdin, stdout or stderr.
void open_standard_files() {
  int fd = 0;
  while (fd >= 0 && fd <= STDERR_FILENO) fd = open("/dev/null", O_RDWR);
  if (fd >= 0) close(fd);
}

void print_error(const CommandError& error, Format format) {
  if (format == Format::json || format == Format::jsonl) {
    boost::json::object object;
    object["code"] = error.code();
    object["message"] = error.what();
    if (!error.hint().empty()) object["hint"] = error.hint();
    if (error.job_id()) object["job_id"] = error.job_id()->to_string();
    if (error.request_id() != 0) object["request_id"] = error.request_id();
    return note(boost::json::serialize(boost::json::object{{"error", std::move(object)}}));
  }
  note(std::string("error: ") + error.what());
  if (!error.hint().empty()) note("hint: " + error.hint());
  if (error.request_id() != 0) note("request id: " + std::to_string(error.request_id()));
}

Format format_of(std::string_view name) {
  const std::array<std::pair<std::string_view, Format>, 4> formats = {{{"table", Format::table},
                                                                       {"tsv", Format::tsv},
                                                                       {"json", Format::json},
                                                                       {"jsonl", Format::jsonl}}};
  for (const auto& [known, format] : formats) {
    if (name == known) return format;
  }
  throw usage_error("--output: there is no format \"" + std::string(name) + "\"",
                    "table, tsv, json or jsonl");
}

void add_globals(CLI::App& grammar, App& app) {
  grammar.add_option("--server", app.server, "The broker, as host:port or pawl://host:port")
      ->envname("PAWL_SERVER")
      ->capture_default_str();
  grammar.add_option("--namespace", app.name_space, "The namespace of the queues")
      ->envname("PAWL_NAMESPACE");
  grammar
      .add_option_function<std::string>(
          "-o,--output", [&app](const std::string& name) { app.format = format_of(name); },
          "table, tsv, json, or jsonl for lists; default: a table on a terminal, else tsv")
      ->type_name("FORMAT");
  const auto set_timeout = [&app](Milliseconds value) {
    if (value.count() == 0)
      throw usage_error("--timeout: no broker answers in no time", "such as 10s");
    app.timeout = value;
  };
  add_duration(grammar, "--timeout", set_timeout,
               "How long the broker may take to answer; default 10s");
}

// The line up to a program of its own, which is not ours to understand.
std::vector<std::string> split_program(std::vector<std::string> line, App& app) {
  const auto dashes = std::find(line.begin(), line.end(), "--");
  const std::array<std::string_view, 2> exec = {"worker", "exec"};
  if (std::search(line.begin(), dashes, exec.begin(), exec.end()) == dashes) return line;
  if (dashes != line.end()) app.program.assign(dashes + 1, line.end());
  line.erase(dashes, line.end());
  return line;
}

std::vector<std::string> arguments_of(int argc, char** argv, App& app) {
  std::vector<std::string> line = split_program({argv + 1, argv + argc}, app);
  const auto end = std::find(line.begin(), line.end(), "--");
  for (auto at = line.begin(); at != end; ++at) {
    if (*at != "--wait") continue;
    if (at + 1 != end && parse_duration(*(at + 1))) {
      throw usage_error("--wait takes its time after an equals sign",
                        "write --wait=" + *(at + 1) + "; a payload stands before --wait");
    }
    // It may stand without its value, which must then not be taken from what follows.
    *at = std::string("--wait=") + kNoValue;
  }
  return {line.rbegin(), line.rend()};  // CLI11 wants the last one first.
}

ExitCode parse_and_run(int argc, char** argv, App& app) {
  CLI::App grammar("The command line of the Pawl job queue", "pawl");
  grammar.footer(kExamples);
  grammar.set_version_flag("--version", "pawl " PAWL_VERSION);
  grammar.require_subcommand(1);
  grammar.fallthrough();
  add_globals(grammar, app);
  add_enqueue(grammar, app);
  add_job(grammar, app);
  add_queue(grammar, app);
  add_worker(grammar, app);
  add_status(grammar, app);
  try {
    grammar.parse(arguments_of(argc, argv, app));
  } catch (const CLI::Success& asked) {
    grammar.exit(asked);
    return ExitCode::done;
  } catch (const CLI::ParseError& wrong) {
    throw usage_error_of(grammar, wrong);
  }
  return app.chosen();
}

}  // namespace

ClientOptions App::client_options() const {
  const bool is_url = server.find("://") != std::string::npos;
  ClientOptions options;
  options.url(is_url ? server : "pawl://" + server)
      .client_name("pawl")
      .in_namespace(name_space)
      .call_deadline(timeout.value_or(kTimeout));
  return options;
}

std::string App::shown_server() const {
  const std::size_t scheme = server.find("://");
  const std::size_t from = scheme == std::string::npos ? 0 : scheme + 3;
  const std::size_t at = server.rfind('@');
  if (at == std::string::npos || at < from) return server;
  return server.substr(0, from) + "***" + server.substr(at);
}

std::unique_ptr<Client> App::connect(LogCallback log) const {
  auto client = std::make_unique<Client>(client_options().log(std::move(log)));
  static_cast<void>(client->try_ping(timeout.value_or(kConnectTimeout)).value());
  return client;
}

CLI::Option* add_duration(CLI::App& command, const std::string& name,
                          std::function<void(Milliseconds)> set, const std::string& description) {
  return command
      .add_option_function<std::string>(
          name,
          [name, set = std::move(set)](const std::string& text) {
            const auto duration = parse_duration(text);
            if (!duration) {
              throw usage_error(name + ": \"" + text + "\" is not a duration",
                                "write it with its unit, such as 30s, 5m or 1h30m");
            }
            set(*duration);
          },
          description)
      ->type_name("DURATION");
}

CLI::Option* add_instant(CLI::App& command, const std::string& name, std::function<void(Time)> set,
                         const std::string& description) {
  return command
      .add_option_function<std::string>(
          name,
          [name, set = std::move(set)](const std::string& text) {
            const auto time = parse_instant(text);
            if (!time) {
              throw usage_error(name + ": \"" + text + "\" is not a time",
                                "write it as RFC 3339 has it, such as 2030-01-31T08:00:00Z");
            }
            set(*time);
          },
          description)
      ->type_name("TIME");
}

JobId job_id_of(const std::string& text) {
  const auto id = JobId::parse(text);
  if (id) return *id;
  throw usage_error("\"" + text + "\" is not a job's id", "an id has the form of a UUID");
}

int run(int argc, char** argv) {
  exit_when_interrupted();
  App app;
  open_standard_files();
  try {
    const ExitCode code = parse_and_run(argc, argv, app);
    Output(app.format).flush();
    return static_cast<int>(code);
  } catch (const CommandError& error) {
    print_error(error, app.format);
    return static_cast<int>(error.exit_code());
  } catch (const Error& error) {
    const CommandError shown = command_error_of(error, app.shown_server());
    print_error(shown, app.format);
    return static_cast<int>(shown.exit_code());
  } catch (const std::exception& error) {
    print_error(CommandError(ExitCode::failed, error.what()), app.format);
    return static_cast<int>(ExitCode::failed);
  }
}

}  // namespace pawl::cli
