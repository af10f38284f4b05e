#include "client/cli/instant.h"

#include <charconv>
#include <chrono>

#include <fmt/format.h>

namespace pawl::cli {
namespace {

namespace chrono = std::chrono;

// Reads fixed-width fields off the front of a text; fails once and for all.
class Fields {
 public:
  explicit Fields(std::string_view text) : rest_(text) {}

  int number(std::size_t digits) {
    int value = 0;
    if (rest_.size() < digits) return fail();
    for (std::size_t i = 0; i < digits; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') return fail();
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }
  char one_of(std::string_view allowed) {
    if (rest_.empty() || allowed.find(rest_.front()) == std::string_view::npos) {
      fail();
      return '\0';
    }
    const char found = rest_.front();
    rest_.remove_prefix(1);
    return found;
  }
  // A fraction of a second after its dot, in milliseconds; more digits are cut off.
  int fraction() {
    int ms = 0;
    std::size_t digits = 0;
    for (; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits) {
      if (digits < 3) ms = ms * 10 + (rest_[digits] - '0');
    }
    if (digits == 0) return fail();
    for (std::size_t i = digits; i < 3; ++i) ms *= 10;
    rest_.remove_prefix(digits);
    return ms;
  }
  bool next_is(char c) const { return !rest_.empty() && rest_.front() == c; }
  bool ended() const { return ok_ && rest_.empty(); }

 private:
  int fail() {
    ok_ = false;
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

chrono::minutes take_offset(Fields& fields) {
  const char sign = fields.one_of("Zz+-");
  if (sign != '+' && sign != '-') return chrono::minutes(0);
  const int hours = fields.number(2);
  fields.one_of(":");
  const int minutes = fields.number(2);
  const chrono::minutes offset = chrono::hours(hours) + chrono::minutes(minutes);
  return sign == '+' ? offset : -offset;
}

}  // namespace

std::optional<Time> parse_instant(std::string_view text) {
  Fields fields(text);
  const int year = fields.number(4);
  fields.one_of("-");
  const int month = fields.number(2);
  fields.one_of("-");
  const int day = fields.number(2);
  fields.one_of("Tt ");
  const int hour = fields.number(2);
  fields.one_of(":");
  const int minute = fields.number(2);
  fields.one_of(":");
  const int second = fields.number(2);
  int ms = 0;
  if (fields.next_is('.')) {
    fields.one_of(".");
    ms = fields.fraction();
  }
  const chrono::minutes offset = take_offset(fields);
  const chrono::year_month_day date(chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                                    chrono::day(static_cast<unsigned>(day)));
  if (!fields.ended() || !date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return Time(chrono::sys_days(date) + chrono::hours(hour) + chrono::minutes(minute) +
              chrono::seconds(second) + Milliseconds(ms) - offset);
}

std::string instant_text(Time time) {
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

}  // namespace pawl::cli
