#include "client/cli/duration.h"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace pawl::cli {
namespace {

using std::chrono::milliseconds;

struct Unit {
  std::string_view name;
  std::int64_t ms;
};
// Largest first.
constexpr std::array<Unit, 6> kUnits = {{{"w", 604'800'000},
                                         {"d", 86'400'000},
                                         {"h", 3'600'000},
                                         {"m", 60'000},
                                         {"s", 1000},
                                         {"ms", 1}}};
constexpr std::int64_t kMostMs = std::int64_t{100} * 366 * 86'400'000;

const Unit* unit_of(std::string_view name) {
  if (name == "min") name = "m";  // As the broker writes it.
  for (const Unit& unit : kUnits) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

// Cuts "2.5s" off the front of the text.
std::optional<double> take_part(std::string_view& text) {
  double number = 0;
  const auto [after, failure] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (failure != std::errc() || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(after - text.data()));
  const std::size_t name_bytes = std::min(text.find_first_of("0123456789."), text.size());
  const Unit* unit = unit_of(text.substr(0, name_bytes));
  if (unit == nullptr) return std::nullopt;
  text.remove_prefix(name_bytes);
  return number * static_cast<double>(unit->ms);
}

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double ms = 0;
  while (!text.empty()) {
    const auto part = take_part(text);
    if (!part) return std::nullopt;
    ms += *part;
  }
  if (!(ms <= static_cast<double>(kMostMs))) return std::nullopt;
  return milliseconds(std::llround(ms));
}

std::string duration_text(milliseconds duration) {
  const std::int64_t ms = duration.count();
  if (ms < 0) return "-" + duration_text(-duration);
  if (ms > 0 && ms < 1000) return fmt::format("{}ms", ms);
  if (ms < 10'000 && ms % 1000 >= 100) return fmt::format("{}.{}s", ms / 1000, ms % 1000 / 100);
  if (ms < 60'000) return fmt::format("{}s", ms / 1000);
  // From minutes on: the largest unit that fits, and the rest in the next smaller one.
  std::size_t at = 1;
  while (ms < kUnits[at].ms) ++at;
  const std::int64_t rest = ms % kUnits[at].ms / kUnits[at + 1].ms;
  std::string text = fmt::format("{}{}", ms / kUnits[at].ms, kUnits[at].name);
  if (rest > 0) text += fmt::format("{}{}", rest, kUnits[at + 1].name);
  return text;
}

}  // namespace pawl::cli
