#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "client/cli/app.h"
#include "client/cli/bulk.h"
#include "client/cli/bulk_report.h"
#include "client/cli/command_error.h"
#include "client/cli/duration.h"
#include "client/cli/header.h"
#include "client/cli/input.h"
#include "client/cli/usage.h"
#include "client/cli/waiting.h"

namespace pawl::cli {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  pawl enqueue email.send '{\"to\":\"a@example.org\"}' --content-type application/json\n"
    "  pawl enqueue resize --file photo.png --queue media --wait=1m > small.png\n"
    "  pawl enqueue report.build --at 2030-01-31T08:00:00Z --priority 9\n"
    "  pawl enqueue --bulk jobs.jsonl, with lines such as\n"
    "    "
    "{\"type\":\"email.send\",\"payload\":{\"to\":\"a@example.org\"},\"queue\":\"mail\",\"delay\":"
    "\"30s\"}\n";

struct EnqueueArguments {
  std::string first;  // The type, or with --type the payload.
  std::string second;
  std::string type;
  std::string file;
  std::string bulk;
  std::string wait;
  std::vector<std::string> headers;
  std::vector<std::string> tags;
  Milliseconds backoff{};
  Milliseconds backoff_max{};
  Options options;
};

Options options_of(const EnqueueArguments& arguments) {
  Options options = arguments.options;
  options.backoff(arguments.backoff, arguments.backoff_max);
  for (const std::string& tag : arguments.tags) options.tag(tag);
  for (const std::string& header : arguments.headers) {
    if (!add_header(options, header)) {
      throw usage_error("--header: \"" + header + "\" is not NAME:VALUE");
    }
  }
  return options;
}

// The type comes first, unless --type has said it; then comes the payload.
Job job_of(const EnqueueArguments& arguments) {
  const bool named = !arguments.type.empty();
  if (named && !arguments.second.empty()) {
    throw usage_error("a type and --type", "pawl enqueue TYPE [PAYLOAD], or --type TYPE [PAYLOAD]");
  }
  Job job(named ? arguments.type : arguments.first, named ? arguments.first : arguments.second,
          options_of(arguments));
  if (job.type.empty()) throw usage_error("a job needs a type", "pawl enqueue TYPE [PAYLOAD]");
  if (!arguments.file.empty()) {
    if (!job.payload.empty()) throw usage_error("a payload and --file");
    job.payload = read_input(arguments.file);
  } else if (job.payload == "-") {
    job.payload = read_input("-");
  }
  return job;
}

std::optional<Milliseconds> wait_of(const std::string& text, const App& app) {
  if (text == kNoValue) return app.timeout;
  const auto duration = parse_duration(text);
  if (!duration) throw usage_error("--wait: \"" + text + "\" is not a duration", "--wait=30s");
  return duration;
}

ExitCode enqueue(const App& app, const EnqueueArguments& arguments) {
  if (!arguments.bulk.empty()) {
    if (!arguments.first.empty() || !arguments.file.empty() || !arguments.wait.empty()) {
      throw usage_error("--bulk takes its jobs from the file alone");
    }
    return enqueue_bulk(app, arguments.bulk, {arguments.type, {}, options_of(arguments)});
  }
  const Job job = job_of(arguments);
  const auto timeout = arguments.wait.empty() ? std::nullopt : wait_of(arguments.wait, app);
  const auto connected = app.connect();
  Client& client = *connected;
  const JobId id = client.enqueue(job.type, job.payload, job.options);
  if (!arguments.wait.empty()) {
    if (stderr_on_terminal()) note("job " + id.to_string());
    return wait_and_print(client, app, id, timeout);
  }
  const Output out(app.format);
  if (out.for_programs()) {
    out.print(boost::json::object{{"id", id.to_string()}});
  } else {
    out.print_line(id.to_string());
  }
  return ExitCode::done;
}

void add_retries(CLI::App& command, EnqueueArguments& arguments) {
  command
      .add_option_function<unsigned>(
          "--max-attempts", [&](unsigned value) { arguments.options.max_attempts(value); },
          "How often it may be started")
      ->check(whole_number({.least = 1, .most = 1000}));
  add_duration(
      command, "--backoff", [&](Milliseconds value) { arguments.backoff = value; },
      "How long to wait before the second attempt; twice as long before each further one");
  add_duration(
      command, "--backoff-max", [&](Milliseconds value) { arguments.backoff_max = value; },
      "The longest wait between two attempts");
}

void add_times(CLI::App& command, Options& options) {
  CLI::Option* delay = add_duration(
      command, "--delay", [&options](Milliseconds value) { options.delay(value); },
      "Do not run it before this long has passed");
  add_instant(
      command, "--at", [&options](Time value) { options.run_at(value); },
      "Do not run it before this time (RFC 3339)")
      ->excludes(delay);
  add_duration(
      command, "--run-time-limit",
      [&options](Milliseconds value) { options.run_time_limit(value); },
      "Stop a run that takes longer");
  add_duration(
      command, "--retention", [&options](Milliseconds value) { options.retention(value); },
      "How long status and result are kept after completion");
}

void add_options(CLI::App& command, EnqueueArguments& arguments) {
  Options& options = arguments.options;
  const auto text = [&](const char* name, auto set, const char* description) {
    command.add_option_function<std::string>(name, std::move(set), description);
  };
  text(
      "--queue", [&](const std::string& value) { options.queue(value); },
      "The queue; \"default\" by default");
  command.add_option("--type", arguments.type, "What kind of work; else the first argument");
  command
      .add_option_function<unsigned>(
          "--priority", [&](unsigned value) { options.priority(value); },
          "0 to 9, higher first; 5 by default")
      ->check(whole_number({.most = 9}));
  text(
      "--key", [&](const std::string& value) { options.key(value); },
      "Jobs of one key keep their order");
  add_retries(command, arguments);
  text(
      "--content-type", [&](const std::string& value) { options.content_type(value); },
      "What the payload's bytes are");
  command
      .add_option_function<std::uint32_t>(
          "--schema-version", [&](std::uint32_t value) { options.schema_version(value); },
          "Which version of its schema the payload has")
      ->check(whole_number({.most = std::numeric_limits<std::uint32_t>::max()}));
  add_times(command, options);
  command.add_option("--tag", arguments.tags, "May be given several times")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all();
  command.add_option("--header", arguments.headers, "NAME:VALUE, may be given several times")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all();
}

}  // namespace

void add_enqueue(CLI::App& grammar, App& app) {
  CLI::App* command = grammar.add_subcommand("enqueue", "Put a job in, or many");
  command->footer(std::string(kBulkHelp) + "\n" + kExamples);
  const auto arguments = std::make_shared<EnqueueArguments>();
  // Two options of one value each: CLI11 would take a list's value of "[...]" apart.
  command->add_option("TYPE", arguments->first, "What kind of work; not with --type");
  command->add_option("PAYLOAD", arguments->second,
                      "The job's bytes; - reads them from stdin, which is not read otherwise; "
                      "none by default");
  command->add_option("--file", arguments->file, "Read the payload from a file; - is stdin");
  add_options(*command, *arguments);
  command
      ->add_option("--wait", arguments->wait,
                   "Wait for the job's end and print its result; with --wait=30s, or --timeout, "
                   "not for ever")
      ->type_name("[=DURATION]");
  command->add_option(
      "--bulk", arguments->bulk,
      "Read jobs from a file, one JSON object a line: type, payload (text or any "
      "JSON) or payload_base64, and the options by their names; the options here are "
      "what a line does not say; - is stdin. It gives up when the broker takes no job for "
      "--timeout, 1m by default");
  command->callback(
      [&app, arguments] { app.chosen = [&app, arguments] { return enqueue(app, *arguments); }; });
}

}  // namespace pawl::cli
