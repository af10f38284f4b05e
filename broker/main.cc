#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <span>
#include <string_view>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include "broker/broker.h"
#include "broker/command_line.h"
#include "broker/log.h"
#include "broker/signals.h"
#include "broker/subcommand.h"

namespace {

using std::chrono::steady_clock;

// For what comes after the broker's own stop: closing the store.
constexpr std::chrono::milliseconds kCloseWithin{1'500};

std::string describe(const pawl::core::EngineTotals& totals) {
  return fmt::format(
      "{} scheduled, {} pending, {} processing, {} retrying, {} completed, {} failed, {} cancelled",
      totals.scheduled, totals.pending, totals.processing, totals.retrying, totals.completed,
      totals.failed, totals.cancelled);
}

// As open to others as the user's files are.
void write_port(const std::filesystem::path& file, unsigned port, mode_t umask_of_user) {
  if (file.empty()) return;
  const std::filesystem::path fresh = file.string() + ".new";
  std::ofstream(fresh) << port << '\n';
  std::filesystem::permissions(fresh, std::filesystem::perms(0666 & ~umask_of_user));
  std::filesystem::rename(fresh, file);  // Whoever waits for the file finds it whole.
}

int serve(const pawl::Config& config) {
  const auto began = steady_clock::now();
  // Payloads are nobody else's to read, whoever made the data directory.
  const mode_t umask_of_user = ::umask(077);
  pawl::Signals signals;
  pawl::Broker broker(config);
  broker.start();
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - began);
  const auto endpoint = broker.endpoint();
  spdlog::info("pawld {} listens on {}:{}; jobs: {}; recovered in {} ms", PAWL_VERSION,
               endpoint.address().to_string(), endpoint.port(), describe(broker.totals()),
               took.count());
  write_port(config.port_file, endpoint.port(), umask_of_user);

  signals.wait();
  signals.end_process_after(config.stop_within + kCloseWithin);
  broker.stop(config.stop_within);
  spdlog::info("stopped");
  return 0;
}

int run(std::span<const char* const> arguments) {
  const auto named =
      std::ranges::find_if(pawl::subcommands(), [&](const pawl::Subcommand& command) {
        return arguments.size() > 1 && arguments[1] == command.name;
      });
  if (named != pawl::subcommands().end()) return named->run(arguments.subspan(2));

  const pawl::Parsed parsed = pawl::parse_command_line(arguments);
  if (!parsed.line) return parsed.exit_code;
  const pawl::Config config = parsed.line->sources.build();
  if (parsed.line->wish == pawl::CommandLine::Wish::check_config)
    return fmt::print("the configuration is fine\n"), 0;
  if (parsed.line->wish == pawl::CommandLine::Wish::print_config)
    return fmt::print("{}", parsed.line->sources.print()), 0;
  std::signal(SIGPIPE, SIG_IGN);  // Whoever reads the log may go away.
  pawl::set_up_log(config.log);
  return serve(config);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv, static_cast<std::size_t>(argc)});
  } catch (const pawl::ConfigError& error) {
    fmt::print(stderr,
               "error: {}\nhint: pawld --print-config shows every setting and where it came from\n",
               error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
}
