#pragma once

// One table drives it all: names, flags, defaults, bounds, help, and where a value goes.

#include <cstdint>
#include <span>
#include <string_view>

#include "broker/config.h"

namespace pawl {

struct ConfigValue {
  std::string_view text;
  std::uint64_t number =
      0;  // Of sizes in bytes, of durations in ms, of on_off 0 or 1, of a choice its place.

  std::size_t size() const { return static_cast<std::size_t>(number); }
  core::Milliseconds duration() const {
    return core::Milliseconds(static_cast<std::int64_t>(number));
  }
};

struct ConfigKey {
  enum class Kind : std::uint8_t { text, bytes, duration, count, on_off, choice };

  std::string_view name = {};  // "log.level"; the environment has it as PAWL_LOG__LEVEL.
  std::string_view flag = {};
  Kind kind = Kind::text;
  std::string_view standard = {};  // The default, as it would be written.
  std::uint64_t min = 0;
  std::uint64_t max = UINT64_MAX;
  std::string_view choices = {};  // Of a choice: "a|b".
  std::string_view help = {};
  void (*apply)(Config& config, const ConfigValue& value) = nullptr;
};

// What a single queue may have of its own; without a queue it stands in [defaults].
struct QueueKey {
  std::string_view name = {};  // "retention", as in [queues.mail].
  ConfigKey::Kind kind = ConfigKey::Kind::duration;
  std::string_view standard = {};
  std::uint64_t min = 0;
  std::uint64_t max = UINT64_MAX;
  std::string_view choices = {};
  std::string_view help = {};
  void (*apply)(core::QueueSettings& queue, const ConfigValue& value) = nullptr;
};

// The value behind `text`, or a ConfigError that names `name` and `source`. Key is one of the two.
template <class Key>
ConfigValue parse_value(const Key& key, std::string_view name, const Setting& setting);

std::span<const ConfigKey> config_keys();
std::span<const QueueKey> queue_keys();

}  // namespace pawl
