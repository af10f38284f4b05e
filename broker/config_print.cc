#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "broker/config.h"
#include "broker/config_table.h"
#include "broker/quantity.h"

namespace pawl {
namespace {

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    if (byte == '"' || byte == '\\') {
      out.push_back('\\');
      out.push_back(byte);
    } else if (code < 0x20 || code == 0x7f) {
      out += fmt::format("\\u{:04x}", code);
    } else {
      out.push_back(byte);
    }
  }
  return out + "\"";
}

// Numbers and switches stand without quotes.
std::string toml_value(ConfigKey::Kind kind, const std::string& text) {
  if (kind == ConfigKey::Kind::count) return fmt::format("{}", parse_count(text).value_or(0));
  if (kind == ConfigKey::Kind::on_off) return text == "on" || text == "true" ? "true" : "false";
  return toml_string(text);
}

ConfigKey::Kind kind_of(std::string_view queue_key) {
  for (const QueueKey& key : queue_keys()) {
    if (key.name == queue_key) return key.kind;
  }
  return ConfigKey::Kind::text;
}

// Section and key of a name; a queue's name may have dots, so it is quoted.
struct Place {
  std::string section;
  std::string_view key;
};

Place place_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return {"", name};
  const std::string_view section = name.substr(0, dot);
  constexpr std::string_view kQueues = "queues.";
  if (section.starts_with(kQueues)) {
    return {fmt::format("queues.{}", toml_string(section.substr(kQueues.size()))),
            name.substr(dot + 1)};
  }
  return {std::string(section), name.substr(dot + 1)};
}

}  // namespace

std::string ConfigSources::print() const {
  std::vector<std::pair<std::string, std::string>> sections;
  const auto line = [&](const Place& place, ConfigKey::Kind kind, const Setting& setting) {
    auto section =
        std::ranges::find(sections, place.section, &std::pair<std::string, std::string>::first);
    if (section == sections.end()) section = sections.insert(sections.end(), {place.section, ""});
    section->second +=
        fmt::format("{} = {}  # {}\n", place.key, toml_value(kind, setting.text), setting.source);
  };
  for (const ConfigKey& key : config_keys()) {
    line(place_of(key.name), key.kind, values_.at(std::string(key.name)));
  }
  for (const auto& [name, setting] : values_) {
    const Place place = place_of(name);
    if (name.starts_with("defaults.") || name.starts_with("queues.")) {
      line(place, kind_of(place.key), setting);
    }
  }
  std::string out;
  for (const auto& [name, lines] : sections) {
    if (!name.empty()) out += fmt::format("\n[{}]\n", name);
    out += lines;
  }
  return out;
}

}  // namespace pawl
