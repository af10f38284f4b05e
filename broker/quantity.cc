#include "broker/quantity.h"

#include <charconv>
#include <span>

#include <fmt/format.h>

namespace pawl {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Smallest first.
constexpr Unit kByteUnits[] = {
    {"B", 1}, {"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30}, {"TiB", 1ULL << 40}};
constexpr Unit kDurationUnits[] = {{"ms", 1},       {"s", 1'000},     {"m", 60'000},
                                   {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

std::optional<std::uint64_t> parse(std::string_view text, std::span<const Unit> units) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, number);
  if (failed != std::errc()) return std::nullopt;
  const std::string_view name(rest, static_cast<std::size_t>(end - rest));
  for (const Unit& unit : units) {
    if (name != unit.name) continue;
    if (number > UINT64_MAX / unit.factor) return std::nullopt;
    return number * unit.factor;
  }
  return std::nullopt;
}

std::string format(std::uint64_t number, std::span<const Unit> units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (number != 0 && number % unit.factor == 0) best = &unit;
  }
  return fmt::format("{}{}", number / best->factor, best->name);
}

constexpr Unit kCounts[] = {{"", 1}};

}  // namespace

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  return parse(text, kByteUnits);
}
std::optional<std::uint64_t> parse_duration_ms(std::string_view text) {
  return parse(text, kDurationUnits);
}
std::optional<std::uint64_t> parse_count(std::string_view text) {
  return parse(text, kCounts);
}

std::string format_bytes(std::uint64_t bytes) {
  return format(bytes, kByteUnits);
}
std::string format_duration_ms(std::uint64_t ms) {
  return format(ms, kDurationUnits);
}

std::string rounded_bytes(std::uint64_t bytes) {
  const Unit* best = &kByteUnits[0];
  for (const Unit& unit : kByteUnits) {
    if (bytes >= 10 * unit.factor) best = &unit;
  }
  return fmt::format("{} {}", bytes / best->factor, best->name);
}

}  // namespace pawl
