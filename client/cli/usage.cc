#include "client/cli/usage.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include <CLI/CLI.hpp>

#include "client/cli/suggest.h"

namespace pawl::cli {
namespace {

template <class Number>
std::optional<Number> parse_number(const std::string& text) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [after, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc() || after != end) return std::nullopt;
  return number;
}

std::string words_of(const NumberRange& range) {
  const bool bounded = range.most != NumberRange().most;
  if (bounded) return std::to_string(range.least) + " to " + std::to_string(range.most);
  return std::to_string(range.least) + " or more";
}

// The command that was named last: "pawl job" and so on.
const CLI::App& deepest(const CLI::App& grammar) {
  const CLI::App* command = &grammar;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return *command;
}

std::string path_of(const CLI::App& command) {
  const CLI::App* const parent = command.get_parent();
  return parent == nullptr ? command.get_name() : path_of(*parent) + " " + command.get_name();
}

std::vector<std::string> commands_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* one : command.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(one->get_name());
  }
  return names;
}

// The options that may stand after a command: its own and those of all that is above it.
std::vector<std::string> options_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* at = &command; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

std::vector<std::string_view> views_of(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

std::string hint_of(std::string_view mistyped, const std::vector<std::string>& names,
                    const CLI::App& command) {
  const std::string_view meant = closest(mistyped, views_of(names));
  if (!meant.empty()) return "did you mean " + std::string(meant) + "?";
  return "see `" + path_of(command) + " --help`";
}

CommandError unknown_command(const CLI::App& command, const std::string& word) {
  return usage_error("there is no command \"" + word + "\"",
                     hint_of(word, commands_of(command), command));
}

CommandError not_expected(const CLI::App& command, const std::vector<std::string>& words) {
  const auto option = std::find_if(words.begin(), words.end(), [](const std::string& word) {
    return word.size() > 1 && word.front() == '-';
  });
  if (option == words.end()) {
    return usage_error("\"" + words.front() + "\" is one argument too many",
                       "see `" + path_of(command) + " --help`");
  }
  const std::string name = option->substr(0, option->find('='));
  return usage_error("there is no option " + name, hint_of(name, options_of(command), command));
}

CommandError missing(const CLI::App& command, const CLI::ParseError& wrong) {
  if (command.get_require_subcommand_min() > 0 && command.get_subcommands().empty()) {
    return usage_error(path_of(command) + " needs a command",
                       listed(views_of(commands_of(command))));
  }
  return usage_error(wrong.what(), "see `" + path_of(command) + " --help`");
}

// "--queue: 1 required TEXT missing" and the like.
CommandError wrong_count(const CLI::App& command, const std::string& what) {
  const std::string name = what.substr(0, what.find(':'));
  const bool too_many = what.find("At Most") != std::string::npos;
  return usage_error(name + (too_many ? " may be given only once" : " needs a value"),
                     "see `" + path_of(command) + " --help`");
}

CommandError both_given(const CLI::App& command, std::string what) {
  constexpr std::string_view kExcludes = " excludes ";
  const std::size_t at = what.find(kExcludes);
  if (at != std::string::npos) what.replace(at, kExcludes.size(), " and ");
  return usage_error(what + " exclude each other", "see `" + path_of(command) + " --help`");
}

}  // namespace

CLI::Validator whole_number(NumberRange range) {
  const auto check = [range](std::string& text) -> std::string {
    const auto number = parse_number<std::uint64_t>(text);
    if (number && *number >= range.least && *number <= range.most) return {};
    return "\"" + text + "\" is not a whole number, " + words_of(range);
  };
  return CLI::Validator(check, words_of(range));
}

CLI::Validator number_over_zero() {
  const auto check = [](std::string& text) -> std::string {
    const auto number = parse_number<double>(text);
    if (number && std::isfinite(*number) && *number > 0) return {};
    return "\"" + text + "\" is not a number over 0";
  };
  return CLI::Validator(check, "over 0");
}

std::string listed(const std::vector<std::string_view>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

CommandError usage_error_of(const CLI::App& grammar, const CLI::ParseError& wrong) {
  const CLI::App& command = deepest(grammar);
  const std::vector<std::string> unknown = grammar.remaining(true);
  if (dynamic_cast<const CLI::RequiredError*>(&wrong) != nullptr) {
    if (unknown.empty()) return missing(command, wrong);
    return unknown.front().starts_with('-') ? not_expected(command, unknown)
                                            : unknown_command(command, unknown.front());
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&wrong) != nullptr && !unknown.empty()) {
    return not_expected(command, unknown);
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&wrong) != nullptr) {
    return wrong_count(command, wrong.what());
  }
  if (dynamic_cast<const CLI::ExcludesError*>(&wrong) != nullptr) {
    return both_given(command, wrong.what());
  }
  return usage_error(wrong.what(), "see `" + path_of(command) + " --help`");
}

}  // namespace pawl::cli
