#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/settings.h"
#include "broker/net/services.h"
#include "broker/store/rocks_options.h"

namespace pawl {

enum class LogFormat : std::uint8_t { text, json };

struct LogSettings {
  std::string level = "info";
  LogFormat format = LogFormat::text;
};

// Everything that an operator may set, ready to be used.
struct Config {
  enum class Exposure : std::uint8_t { loopback_only, anywhere };

  store::RocksOptions store;
  core::Settings queues;
  net::NetSettings net;
  LogSettings log;
  Exposure exposure = Exposure::loopback_only;
  enum class Connections : std::uint8_t { by_default, set } connections = Connections::by_default;
  std::filesystem::path port_file;  // Where to write the port once it is open; empty: nowhere.
  std::uint64_t min_free_bytes = 0;
  std::size_t inbox_bytes = 0;
  core::Milliseconds stop_within{0};
};

// A sentence for people per problem.
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A value as it was written, and where.
struct Setting {
  std::string text;
  std::string source;  // "default", "pawld.toml:3", "PAWL_LOG__LEVEL", "--log-level"
};

// What was set: by name ("log.level"; "queues.mail.retention"). Later sources overwrite earlier
// ones.
class ConfigSources {
 public:
  // The defaults.
  ConfigSources();

  // Each throws ConfigError for what it does not know, with the nearest name.
  void read_file(const std::filesystem::path& file);
  void read_toml(std::string_view text, const std::string& file_name);
  // `environment` as in environ(7): "NAME=value". What begins with PAWL_ is ours, or one of a list
  // of others' names, or misspelt.
  void read_environment(const std::vector<std::string>& environment);
  void set_flag(std::string_view flag, const std::string& value);

  // Throws ConfigError when a value is out of its bounds or two do not fit together.
  Config build() const;
  // All of it as TOML, each value with its source as a comment.
  std::string print() const;

 private:
  void set(const std::string& name, std::string text, const std::string& source);

  std::map<std::string, Setting> values_;
};

}  // namespace pawl
