#include "broker/offline_arguments.h"

#include <cstdio>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace pawl {
namespace {

constexpr int kUsage = 2;

OfflineParsed refuse(const std::string& command, std::string_view what) {
  fmt::print(stderr, "error: {}\nhint: pawld {} --help\n", what, command);
  return {std::nullopt, kUsage};
}

}  // namespace

OfflineParsed parse_offline(const std::string& command, const std::string& description,
                            std::span<const char* const> arguments) {
  CLI::App app(description, "pawld " + command);
  app.footer(
      "Nothing is written, so the directory may be mounted for reading or its disk be full; what\n"
      "only the log holds is read too. Exit codes: 0 fine, 1 damaged or in disagreement, 2 not\n"
      "looked at, because a broker uses it or there is none.\n"
      "It keeps about 1.2 KiB of memory for each batch and 30 bytes for each job, whatever their\n"
      "payloads: 1.2 GiB for a million jobs that were enqueued one by one.");
  OfflineArguments parsed;
  std::string directory;
  app.add_option("DIR", directory, "the data directory of a broker that does not run")->required();
  std::string output = "text";
  app.add_option("-o,--output", output, "text, or json for programs")->type_name("text|json");
  const CLI::Option* each = nullptr;
  if (command == "inspect") each = app.add_flag("--jobs")->description("list every job");
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& end) {
    if (end.get_exit_code() == 0) return {std::nullopt, app.exit(end)};
    return refuse(command, end.what());
  }
  if (output != "text" && output != "json") {
    return refuse(command, fmt::format("--output: \"{}\" is not one of text|json", output));
  }
  if (output == "json") parsed.output = OfflineOutput::json;
  parsed.directory = directory;
  if (each != nullptr && each->count() > 0) parsed.jobs = JobsWanted::each;
  return {std::move(parsed), 0};
}

}  // namespace pawl
