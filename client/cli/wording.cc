#include "client/cli/wording.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>

#include "client/cli/duration.h"
#include "client/cli/instant.h"

namespace pawl::cli {
namespace {

enum class Unit { none, duration, instant };

struct Field {
  std::string_view wire;
  std::string_view shown;
  Unit unit = Unit::none;
};
// No name stands before one that it is the beginning of.
constexpr std::array<Field, 9> kFields = {{
    {.wire = "retry.max_attempts", .shown = "max_attempts"},
    {.wire = "retry.backoff_max_ms", .shown = "backoff_max", .unit = Unit::duration},
    {.wire = "retry.backoff_ms", .shown = "backoff", .unit = Unit::duration},
    {.wire = "run_time_limit_ms", .shown = "run_time_limit", .unit = Unit::duration},
    {.wire = "retention_ms", .shown = "retention", .unit = Unit::duration},
    {.wire = "delay_ms", .shown = "delay", .unit = Unit::duration},
    {.wire = "run_at_ms", .shown = "at", .unit = Unit::instant},
    {.wire = "headers.name", .shown = "a header's name"},
    {.wire = "headers.value", .shown = "a header's value"},
}};
constexpr std::string_view kOver = " is over ";

// "defaults: " and "jobs[7]: " say where a field stands in a frame.
std::string_view without_place(std::string_view message) {
  const std::size_t colon = message.find(": ");
  if (colon == std::string_view::npos) return message;
  const std::string_view place = message.substr(0, colon);
  const bool known = place == "defaults" || (place.starts_with("jobs[") && place.ends_with(']'));
  return known ? message.substr(colon + 2) : message;
}

const Field* field_at(std::string_view text) {
  for (const Field& field : kFields) {
    if (text.starts_with(field.wire)) return &field;
  }
  return nullptr;
}

// A bound at the text's beginning, which is cut off, with its unit.
std::optional<std::string> take_bound(std::string_view& text, Unit unit) {
  std::int64_t ms = 0;
  const auto [after, failure] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (failure != std::errc() || unit == Unit::none) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(after - text.data()));
  const std::chrono::milliseconds bound(ms);
  return unit == Unit::duration ? duration_text(bound) : instant_text(Time(bound));
}

}  // namespace

std::string in_users_words(std::string_view message) {
  std::string_view rest = without_place(message);
  std::string text;
  bool word_begins = true;
  while (!rest.empty()) {
    const Field* const field = word_begins ? field_at(rest) : nullptr;
    if (field == nullptr) {
      word_begins = rest.front() == ' ';
      text += rest.front();
      rest.remove_prefix(1);
      continue;
    }
    text += field->shown;
    rest.remove_prefix(field->wire.size());
    if (!rest.starts_with(kOver)) continue;
    text += kOver;
    rest.remove_prefix(kOver.size());
    if (const auto bound = take_bound(rest, field->unit)) text += *bound;
  }
  return text;
}

}  // namespace pawl::cli
