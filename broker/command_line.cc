#include "broker/command_line.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "broker/config_table.h"
#include "broker/nearest.h"
#include "broker/subcommand.h"

namespace pawl {
namespace {

constexpr int kUsage = 2;

std::string dashed(std::string_view name) {
  std::string flag = fmt::format("--{}", name);
  std::ranges::replace(flag, '_', '-');
  return flag;
}

std::string help_of(std::string_view help, std::string_view standard) {
  return standard.empty() ? std::string(help) : fmt::format("{} [{}]", help, standard);
}

// The flags of the table, and what was given to them.
class Flags {
 public:
  explicit Flags(CLI::App& app) {
    for (const ConfigKey& key : config_keys()) add(app, std::string(key.flag), key);
    for (const QueueKey& key : queue_keys()) add(app, dashed(key.name), key);
  }

  void apply(ConfigSources& sources) const {
    for (const auto& [flag, given] : given_) {
      if (given.option->count() > 0) sources.set_flag(flag, given.value);
    }
  }
  // What may stand on the command line.
  std::vector<std::string> names() const {
    std::vector<std::string> names{"--config", "--check-config", "--print-config", "--help",
                                   "--version"};
    for (const auto& [flag, given] : given_) names.push_back(flag);
    for (const Subcommand& command : subcommands()) names.emplace_back(command.name);
    return names;
  }

 private:
  struct Given {
    std::string value;
    CLI::Option* option = nullptr;
  };

  template <class Key>
  void add(CLI::App& app, const std::string& flag, const Key& key) {
    Given& given = given_[flag];
    const std::string help = help_of(key.help, key.standard);
    given.option =
        key.kind == ConfigKey::Kind::on_off
            ? app.add_flag(flag, given.value, help)
            : app.add_option(flag, given.value, help)->type_name(type_of(key))->take_last();
  }

  template <class Key>
  static std::string type_of(const Key& key) {
    switch (key.kind) {
      case ConfigKey::Kind::bytes:
        return "SIZE";
      case ConfigKey::Kind::duration:
        return "DURATION";
      case ConfigKey::Kind::count:
        return "NUMBER";
      case ConfigKey::Kind::choice:
        return std::string(key.choices);
      default:
        return "TEXT";
    }
  }

  std::map<std::string, Given> given_;
};

std::vector<std::string> environment_of_process() {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  return environment;
}

void read_sources(const std::string& file, const Flags& flags, ConfigSources& sources) {
  const char* const named = std::getenv("PAWL_CONFIG");
  if (!file.empty()) {
    sources.read_file(file);
  } else if (named != nullptr && *named != '\0') {
    sources.read_file(named);
  }
  sources.read_environment(environment_of_process());
  flags.apply(sources);
}

// CLI11 takes whatever comes next for a missing value, also another flag: the first argument that
// has none, with what is wrong; empty when there is none.
std::string missing_value(const CLI::App& app, std::span<const char* const> arguments) {
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const std::size_t equals = argument.find('=');
    const std::string flag(argument.substr(0, equals));
    const CLI::Option* const option =
        flag.starts_with("--") ? app.get_option_no_throw(flag) : nullptr;
    if (option == nullptr) continue;
    std::string_view value;
    if (equals != std::string_view::npos) {
      value = argument.substr(equals + 1);
    } else if (option->get_items_expected_min() == 0) {
      continue;  // A switch.
    } else if (++i < arguments.size()) {
      value = arguments[i];
    }
    if (value.empty()) return fmt::format("{} has no value", flag);
    if (value.starts_with("--")) {
      return fmt::format("{} has no value: {} is taken for a flag of its own", flag, value);
    }
  }
  return {};
}

Parsed fail(std::string_view what) {
  fmt::print(stderr, "error: {}\nhint: pawld --help\n", what);
  return {std::nullopt, kUsage};
}

std::string footer() {
  std::string text =
      "Each setting can also stand in the configuration file and in the environment; "
      "--print-config shows the names,\n"
      "PAWL_LOG__LEVEL is log.level. Flags win over the environment, that over the "
      "file.\n\nCommands:\n";
  for (const Subcommand& command : subcommands()) {
    text += fmt::format("  pawld {:<14} {}\n",
                        fmt::format("{} {}", command.name, command.arguments), command.help);
  }
  return text;
}

}  // namespace

Parsed parse_command_line(std::span<const char* const> arguments) {
  CLI::App app("pawld, the broker of the Pawl job queue", "pawld");
  app.set_version_flag("--version", "pawld " PAWL_VERSION);
  app.footer(footer());
  app.allow_extras();
  std::string file;
  app.add_option("--config", file, "configuration file (TOML); also $PAWL_CONFIG")
      ->type_name("FILE")
      ->take_last();
  const CLI::Option* const check =
      app.add_flag("--check-config")
          ->description("check the configuration and exit, with 2 if it is wrong")
          ->disable_flag_override();
  const CLI::Option* const print =
      app.add_flag("--print-config")
          ->description("print every setting with where it came from, and exit")
          ->disable_flag_override();
  const Flags flags(app);
  if (const std::string what = missing_value(app, arguments); !what.empty()) return fail(what);
  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::ParseError& end) {
    const bool asked = end.get_exit_code() == 0;  // Help or version.
    if (!asked) return fail(end.what());
    return {std::nullopt, app.exit(end)};
  }
  if (const std::vector<std::string> extras = app.remaining(); !extras.empty()) {
    return fail(fmt::format("unknown argument {}{}", extras.front(),
                            did_you_mean(extras.front(), flags.names())));
  }
  CommandLine line;
  try {
    read_sources(file, flags, line.sources);
  } catch (const ConfigError& error) {
    return fail(error.what());
  }
  if (check->count() > 0) line.wish = CommandLine::Wish::check_config;
  if (print->count() > 0) line.wish = CommandLine::Wish::print_config;
  return {std::move(line), 0};
}

}  // namespace pawl
