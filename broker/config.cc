#include "broker/config.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <pwd.h>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>
#include <toml++/toml.h>

#include "broker/config_table.h"
#include "broker/nearest.h"
#include "broker/quantity.h"

namespace pawl {
namespace {

constexpr std::string_view kDefaults = "defaults.";
constexpr std::string_view kQueues = "queues.";
constexpr std::string_view kEnvironment = "PAWL_";
constexpr std::string_view kByDefault = "default";  // A value's source.

std::string upper(std::string_view text) {
  std::string out;
  for (const char byte : text)
    out.push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(byte))));
  return out;
}

// "log.level" -> PAWL_LOG__LEVEL
std::string environment_name(std::string_view name) {
  std::string out(kEnvironment);
  for (const char byte : upper(name)) {
    if (byte == '.') {
      out += "__";
    } else {
      out.push_back(byte);
    }
  }
  return out;
}

std::string flag_of(const QueueKey& key) {
  std::string flag = fmt::format("--{}", key.name);
  std::ranges::replace(flag, '_', '-');
  return flag;
}

// Every name but those of single queues.
std::vector<std::string> plain_names() {
  std::vector<std::string> names;
  for (const ConfigKey& key : config_keys()) names.emplace_back(key.name);
  for (const QueueKey& key : queue_keys())
    names.push_back(fmt::format("{}{}", kDefaults, key.name));
  return names;
}

const QueueKey* find_queue_key(std::string_view name) {
  for (const QueueKey& key : queue_keys()) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

// "queues.tenant/mail.retention" taken apart; the queue's name may have dots.
struct QueueSettingName {
  std::string ns = "default";
  std::string queue;
  std::string_view key;
};

std::optional<QueueSettingName> split_queue_name(std::string_view name) {
  if (!name.starts_with(kQueues)) return std::nullopt;
  name.remove_prefix(kQueues.size());
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  QueueSettingName split;
  split.key = name.substr(dot + 1);
  split.queue = name.substr(0, dot);
  const std::size_t slash = split.queue.find('/');
  if (slash != std::string::npos) {
    split.ns = split.queue.substr(0, slash);
    split.queue.erase(0, slash + 1);
  }
  return split;
}

std::vector<std::string> section_names() {
  std::vector<std::string> names{"defaults", "queues"};
  for (const ConfigKey& key : config_keys()) {
    const std::string_view section = key.name.substr(0, key.name.find('.'));
    if (section != key.name && names.back() != section) names.emplace_back(section);
  }
  return names;
}

bool is_identifier(std::string_view name) {
  const auto allowed = [](unsigned char byte) {
    return std::isalnum(byte) != 0 ||
           std::string_view("_.:-").find(static_cast<char>(byte)) != std::string_view::npos;
  };
  return !name.empty() && name.size() <= core::limits::kNameBytesMax &&
         std::ranges::all_of(name, allowed);
}

// "mail" or "tenant/mail".
void check_queue_name(std::string_view name, const std::string& source) {
  const std::size_t slash = name.find('/');
  const bool fine = slash == std::string_view::npos ? is_identifier(name)
                                                    : is_identifier(name.substr(0, slash)) &&
                                                          is_identifier(name.substr(slash + 1));
  if (fine) return;
  throw ConfigError(fmt::format(
      "queues.\"{}\": a queue's name has up to 128 of A-Z a-z 0-9 _ . : - ({})", name, source));
}

// Also one that has nothing in it: who wrote it meant something.
void check_section(std::string_view name, const std::string& source) {
  if (name.starts_with(kQueues)) return check_queue_name(name.substr(kQueues.size()), source);
  const std::vector<std::string> known = section_names();
  if (std::ranges::find(known, name) != known.end()) return;
  throw ConfigError(
      fmt::format("unknown section [{}]{} ({})", name, did_you_mean(name, known), source));
}

// Names that begin like ours and belong to others: to `pawl` and to the programs of workers, to the
// tests of this project.
constexpr std::string_view kOthersVariables[] = {
    "PAWL_CONFIG", "PAWL_SERVER",       "PAWL_SERVER_URL", "PAWL_NAMESPACE", "PAWL_QUEUE",
    "PAWL_JOB_ID", "PAWL_JOB_TYPE",     "PAWL_ATTEMPT",    "PAWL_TOKEN",     "PAWL_WORKER_ID",
    "PAWL_BIN",    "PAWL_CONTENT_TYPE", "PAWL_PAWLD",      "PAWL_PAWL",      "PAWL_SEED",
    "PAWL_SEEDS",  "PAWL_KILLS",        "PAWL_KILL_AT",    "PAWL_TRACE",     "PAWL_HANG_DIR"};
constexpr std::string_view kOthersPrefixes[] = {"PAWL_HEADER_", "PAWL_FAULT_"};

// Kubernetes tells each container of every service near it: of one that is called pawl or
// pawl-something by PAWL_SERVICE_HOST, PAWL_PORT=tcp://10.0.0.1:7295, PAWL_PORT_7295_TCP_ADDR.
bool is_service_link(std::string_view variable, std::string_view value) {
  const std::size_t port = variable.find("_PORT");
  if (port == std::string_view::npos) return variable.ends_with("_SERVICE_HOST");
  const std::string_view behind = variable.substr(port + std::string_view("_PORT").size());
  if (behind.empty() && value.find("://") != std::string_view::npos) return true;
  const bool numbered = behind.size() > 1 && std::isdigit(static_cast<unsigned char>(behind[1]));
  return numbered || variable.find("_SERVICE_PORT") != std::string_view::npos;
}

bool belongs_to_others(std::string_view variable, std::string_view value) {
  return std::ranges::find(kOthersVariables, variable) != std::end(kOthersVariables) ||
         std::ranges::any_of(
             kOthersPrefixes,
             [&](std::string_view prefix) { return variable.starts_with(prefix); }) ||
         is_service_link(variable, value);
}

// PAWL_LOG_LEVEL for PAWL_LOG__LEVEL.
std::string with_single_underscores(std::string name) {
  for (std::size_t at = name.find("__"); at != std::string::npos; at = name.find("__", at)) {
    name.erase(at, 1);
  }
  return name;
}

// A service may have no HOME, but its user has one.
std::string home_directory() {
  const char* const home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') return home;
  std::array<char, 4096> memory{};
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(::geteuid(), &entry, memory.data(), memory.size(), &found);
  return found == nullptr ? std::string() : found->pw_dir;
}

std::string default_directory() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/') {
    return fmt::format("{}/pawl", state);
  }
  const std::string home = home_directory();
  return home.empty() ? home : fmt::format("{}/.local/state/pawl", home);
}

// `, did you mean "X"?` for the variable of ours that was meant; empty when none is near.
std::string meant_by(const std::string& variable, std::vector<std::string> ours) {
  const auto same = std::ranges::find(ours, variable, with_single_underscores);
  if (same != ours.end()) return did_you_mean(*same, {*same});
  ours.emplace_back("PAWL_CONFIG");
  // PAWL_LISTEN for PAWL_LISTEN__ADDRESS.
  const auto section = std::ranges::find_if(
      ours, [&](const std::string& name) { return name.starts_with(variable + "__"); });
  return section != ours.end() ? did_you_mean(*section, {*section}) : did_you_mean(variable, ours);
}

std::string text_of(const toml::node& node, const std::string& name, const std::string& source) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto number = node.value_exact<std::int64_t>()) return fmt::format("{}", *number);
  if (const auto truth = node.value_exact<bool>()) return *truth ? "on" : "off";
  throw ConfigError(
      fmt::format("{}: a string, a whole number or true or false is wanted ({})", name, source));
}

// host:port, [host]:port
void apply_address(const Setting& setting, Config& config) {
  const std::string& text = setting.text;
  const auto refuse = [&](std::string_view why) {
    throw ConfigError(fmt::format("listen.address: \"{}\" {} ({})", text, why, setting.source));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) refuse("is not ADDRESS:PORT");
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  const auto port = parse_count(std::string_view(text).substr(colon + 1));
  if (!port || *port > 65535) refuse("has no port from 0 to 65535");
  boost::system::error_code failed;
  const auto address = boost::asio::ip::make_address(host, failed);
  if (failed) refuse("is not an IP address and port");
  if (!address.is_loopback() && config.exposure == Config::Exposure::loopback_only) {
    refuse(
        "would be reached by other machines, and nobody has to log in; set listen.insecure = true "
        "to allow it");
  }
  config.net.address = host;
  config.net.port = static_cast<std::uint16_t>(*port);
}

void check_together(const Config& config) {
  if (config.queues.heartbeat * 2 > config.queues.lease) {
    throw ConfigError("workers.lease must be at least twice workers.heartbeat");
  }
  if (config.net.greeting.payload_bytes_max + (64 << 10) > config.net.greeting.frame_bytes_max) {
    throw ConfigError("limits.frame must be at least 64KiB more than limits.payload");
  }
  if (config.store.directory.empty()) {
    throw ConfigError("data_dir: there is no home directory to put it in; set data_dir");
  }
}

}  // namespace

ConfigSources::ConfigSources() {
  for (const ConfigKey& key : config_keys()) {
    values_[std::string(key.name)] = {std::string(key.standard), std::string(kByDefault)};
  }
  for (const QueueKey& key : queue_keys()) {
    values_[fmt::format("{}{}", kDefaults, key.name)] = {std::string(key.standard),
                                                         std::string(kByDefault)};
  }
  values_["data_dir"].text = default_directory();
}

void ConfigSources::set(const std::string& name, std::string text, const std::string& source) {
  const auto split = split_queue_name(name);
  if (split)
    check_queue_name(
        std::string_view(name).substr(kQueues.size(), name.rfind('.') - kQueues.size()), source);
  if (split && find_queue_key(split->key) == nullptr) {
    std::vector<std::string> names;
    for (const QueueKey& key : queue_keys()) names.emplace_back(key.name);
    throw ConfigError(fmt::format("unknown setting \"{}\" of queue \"{}\"{} ({})", split->key,
                                  split->queue, did_you_mean(split->key, names), source));
  }
  if (!split && !values_.contains(name)) {
    throw ConfigError(fmt::format("unknown setting \"{}\"{} ({})", name,
                                  did_you_mean(name, plain_names()), source));
  }
  values_[name] = {std::move(text), source};
}

void ConfigSources::read_file(const std::filesystem::path& file) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(file, failed)) {
    throw ConfigError(fmt::format("cannot read the configuration file {}", file.string()));
  }
  std::ifstream in(file);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in) throw ConfigError(fmt::format("cannot read the configuration file {}", file.string()));
  read_toml(text, file.filename().string());
}

void ConfigSources::read_toml(std::string_view text, const std::string& file_name) {
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    throw ConfigError(
        fmt::format("{}:{}: {}", file_name, error.source().begin.line, error.description()));
  }
  const auto walk = [&](const auto& self, const toml::table& level,
                        const std::string& prefix) -> void {
    for (const auto& [key, node] : level) {
      const std::string name = prefix + std::string(key.str());
      const std::string source = fmt::format("{}:{}", file_name, node.source().begin.line);
      if (const toml::table* inner = node.as_table()) {
        check_section(name, source);
        self(self, *inner, name + ".");
      } else {
        set(name, text_of(node, name, source), source);
      }
    }
  };
  walk(walk, table, "");
}

void ConfigSources::read_environment(const std::vector<std::string>& environment) {
  const std::vector<std::string> names = plain_names();
  std::vector<std::string> ours;
  for (const std::string& name : names) ours.push_back(environment_name(name));
  for (const std::string& entry : environment) {
    const std::size_t equals = entry.find('=');
    if (!entry.starts_with(kEnvironment) || equals == std::string::npos) continue;
    const std::string variable = entry.substr(0, equals);
    const std::string value = entry.substr(equals + 1);
    const auto found = std::ranges::find(ours, variable);
    if (found != ours.end()) {
      set(names[static_cast<std::size_t>(found - ours.begin())], value, variable);
    } else if (!belongs_to_others(variable, value)) {
      throw ConfigError(
          fmt::format("unknown environment variable {}{}", variable, meant_by(variable, ours)));
    }
  }
}

void ConfigSources::set_flag(std::string_view flag, const std::string& value) {
  for (const ConfigKey& key : config_keys()) {
    if (key.flag == flag) return set(std::string(key.name), value, std::string(flag));
  }
  for (const QueueKey& key : queue_keys()) {
    if (flag_of(key) == flag)
      return set(fmt::format("{}{}", kDefaults, key.name), value, std::string(flag));
  }
  throw ConfigError(fmt::format("unknown flag {}", flag));
}

Config ConfigSources::build() const {
  Config config;
  for (const ConfigKey& key : config_keys()) {
    key.apply(config, parse_value(key, key.name, values_.at(std::string(key.name))));
  }
  for (const QueueKey& key : queue_keys()) {
    const std::string name = fmt::format("{}{}", kDefaults, key.name);
    key.apply(config.queues.defaults, parse_value(key, name, values_.at(name)));
  }
  // A queue starts from the defaults, so these must be known before.
  for (const auto& [name, setting] : values_) {
    const auto split = split_queue_name(name);
    if (!split) continue;
    const QueueKey& key = *find_queue_key(split->key);
    const auto place =
        config.queues.queues.try_emplace({split->ns, split->queue}, config.queues.defaults).first;
    key.apply(place->second, parse_value(key, name, setting));
  }
  if (values_.at("limits.connections").source != kByDefault) {
    config.connections = Config::Connections::set;
  }
  apply_address(values_.at("listen.address"), config);
  config.net.greeting.heartbeat = config.queues.heartbeat;
  config.net.greeting.lease = config.queues.lease;
  check_together(config);
  return config;
}

}  // namespace pawl
