#include "broker/offline_arguments.h"

#include <cstdio>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace pawl {
namespace {

constexpr int kUsage = 2;

}  // namespace

OfflineParsed parse_offline(const std::string& command, const std::string& description,
                            std::span<const char* const> arguments) {
  CLI::App app(description, "pawld " + command);
  app.footer(
      "It keeps about 1.2 KiB of memory for each batch and 30 bytes for each job, whatever their\n"
      "payloads: 1.2 GiB for a million jobs that were enqueued one by one.");
  OfflineArguments parsed;
  std::string directory;
  app.add_option("DIR", directory, "the data directory of a broker that does not run")->required();
  const std::map<std::string, OfflineOutput> outputs = {{"text", OfflineOutput::text},
                                                        {"json", OfflineOutput::json}};
  app.add_option("-o,--output", parsed.output, "text, or json for programs")
      ->transform(CLI::CheckedTransformer(outputs).description(""))
      ->type_name("FORMAT");
  const CLI::Option* each = nullptr;
  if (command == "inspect") each = app.add_flag("--jobs")->description("list every job");
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& end) {
    if (end.get_exit_code() == 0) return {std::nullopt, app.exit(end)};
    fmt::print(stderr, "error: {}\nhint: pawld {} --help\n", end.what(), command);
    return {std::nullopt, kUsage};
  }
  parsed.directory = directory;
  if (each != nullptr && each->count() > 0) parsed.jobs = JobsWanted::each;
  return {std::move(parsed), 0};
}

}  // namespace pawl
