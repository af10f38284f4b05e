#include <optional>

#include <fmt/format.h>

#include "broker/config_table.h"
#include "broker/quantity.h"

namespace pawl {
namespace {

using Kind = ConfigKey::Kind;

std::optional<std::uint64_t> place_in(std::string_view choices, std::string_view text) {
  for (std::uint64_t place = 0;; ++place) {
    const std::size_t end = choices.find('|');
    if (choices.substr(0, end) == text) return place;
    if (end == std::string_view::npos) return std::nullopt;
    choices.remove_prefix(end + 1);
  }
}

std::optional<std::uint64_t> number_of(Kind kind, std::string_view choices, std::string_view text) {
  switch (kind) {
    case Kind::text:
      return 0;
    case Kind::bytes:
      return parse_bytes(text);
    case Kind::duration:
      return parse_duration_ms(text);
    case Kind::count:
      return parse_count(text);
    case Kind::on_off:
      return place_in("off|on", text == "true" ? "on" : text == "false" ? "off" : text);
    case Kind::choice:
      return place_in(choices, text);
  }
  return std::nullopt;
}

std::string expected(Kind kind, std::string_view choices) {
  switch (kind) {
    case Kind::bytes:
      return "a size such as 64MiB";
    case Kind::duration:
      return "a duration such as 30s";
    case Kind::count:
      return "a whole number";
    case Kind::on_off:
      return "on or off";
    default:
      return fmt::format("one of {}", choices);
  }
}

std::string written(Kind kind, std::uint64_t number) {
  if (kind == Kind::bytes) return format_bytes(number);
  if (kind == Kind::duration) return format_duration_ms(number);
  return fmt::format("{}", number);
}

}  // namespace

template <class Key>
ConfigValue parse_value(const Key& key, std::string_view name, const Setting& setting) {
  const std::optional<std::uint64_t> number = number_of(key.kind, key.choices, setting.text);
  if (!number) {
    throw ConfigError(fmt::format("{}: \"{}\" is not {} ({})", name, setting.text,
                                  expected(key.kind, key.choices), setting.source));
  }
  if (*number < key.min || *number > key.max) {
    throw ConfigError(fmt::format("{}: {} is not between {} and {} ({})", name, setting.text,
                                  written(key.kind, key.min), written(key.kind, key.max),
                                  setting.source));
  }
  return {setting.text, *number};
}

template ConfigValue parse_value(const ConfigKey&, std::string_view, const Setting&);
template ConfigValue parse_value(const QueueKey&, std::string_view, const Setting&);

}  // namespace pawl
