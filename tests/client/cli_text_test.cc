#include <catch2/catch.hpp>

#include "client/cli/base64.h"
#include "client/cli/duration.h"
#include "client/cli/instant.h"
#include "client/cli/progress.h"
#include "client/cli/text.h"

namespace pawl::cli {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a duration is read with its units", "[cli][duration]") {
  CHECK(parse_duration("30s") == 30s);
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("1h30m") == 90min);
  CHECK(parse_duration("10min") == 10min);
  CHECK(parse_duration("2.5s") == 2500ms);
  CHECK(parse_duration("7d") == 168h);
  CHECK(parse_duration("2w") == 336h);
  CHECK(parse_duration("0s") == 0ms);
}

TEST_CASE("what is not a duration is refused", "[cli][duration]") {
  for (const char* text : {"", "30", "s", "-1s", "1y", "1 s", "1e3s", "5s5", "nan", "infs",
                           "101000w", "1s ", "0x1s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("a duration is written with two units at most", "[cli][duration]") {
  CHECK(duration_text(0ms) == "0s");
  CHECK(duration_text(999ms) == "999ms");
  CHECK(duration_text(2500ms) == "2.5s");
  CHECK(duration_text(2000ms) == "2s");
  CHECK(duration_text(59s) == "59s");
  CHECK(duration_text(90s) == "1m30s");
  CHECK(duration_text(60min) == "1h");
  CHECK(duration_text(25h) == "1d1h");
  CHECK(duration_text(24h * 9) == "9d");
  CHECK(duration_text(-5s) == "-5s");
}

TEST_CASE("a time is read and written as RFC 3339 has it", "[cli][instant]") {
  const auto time = parse_instant("2030-01-31T08:00:00.25Z");
  REQUIRE(time);
  CHECK(instant_text(*time) == "2030-01-31T08:00:00.250Z");
  CHECK(parse_instant("2030-01-31 09:00:00.250+01:00") == time);
  CHECK(parse_instant("2030-01-31t02:30:00.250999-05:30") == time);
  CHECK(instant_text(Time(0ms)) == "1970-01-01T00:00:00.000Z");
}

TEST_CASE("what is not a time is refused", "[cli][instant]") {
  for (const char* text : {"", "2030", "2030-01-31", "2030-02-30T00:00:00Z", "2030-01-31T24:00:00Z",
                           "2030-01-31T08:00:00", "2030-01-31T08:00:00.Z", "2030-01-31T08:00:00Zx",
                           "2030-01-31T08:60:00Z", "2030-1-31T08:00:00Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_instant(text));
  }
}

TEST_CASE("base64 goes both ways", "[cli][base64]") {
  const std::string bytes("\x00\xff\x10 any", 7);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const std::string part = bytes.substr(0, size);
    CHECK(base64_decode(base64_encode(part)) == part);
  }
  CHECK(base64_encode("Man") == "TWFu");
  CHECK(base64_encode("Ma") == "TWE=");
  CHECK(base64_encode("M") == "TQ==");
}

TEST_CASE("what is not base64 is refused", "[cli][base64]") {
  for (const char* text : {"T", "TW", "TWF", "TQ=", "T===", "====", "TW F", "TQ==TQ==", "TR=="}) {
    CAPTURE(text);
    CHECK_FALSE(base64_decode(text));
  }
}

TEST_CASE("text cannot do anything to a terminal", "[cli][text]") {
  CHECK(one_line("a\nb\tc\x1b[31m\x7f") == "a\\nb\\tc\\x1b[31m\\x7f");
  CHECK(one_line("\u202egnp.exe \u2028") == "\\u202egnp.exe \\u2028");
  CHECK(one_line("caf\u00e9 \xff\xc3") == "caf\u00e9 \\xff\\xc3");
  CHECK(printable("a\n\tb\r\x1b") == "a\n\tb\\r\\x1b");
}

TEST_CASE("width counts columns, and a cut shows", "[cli][text]") {
  CHECK(display_width("caf\u00e9") == 4);
  CHECK(display_width("\u4f60\u597d") == 4);
  CHECK(display_width("e\u0301") == 1);
  CHECK(cut_to_width("abcdef", 6) == "abcdef");
  CHECK(cut_to_width("abcdef", 4) == "abc\u2026");
  CHECK(cut_to_width("\u4f60\u597d\u4f60", 4) == "\u4f60\u2026");
  CHECK(cut_to_width("abc", 0).empty());
}

TEST_CASE("a progress line has count, rate and what is left", "[cli][progress]") {
  CHECK(progress_text({.jobs = 12'000, .done_ratio = 0.25, .elapsed = 1s}) ==
        "12,000 jobs, 12,000/s, 25 %, 3s left");
  CHECK(progress_text({.jobs = 7, .done_ratio = {}, .elapsed = 2s}) == "7 jobs, 3/s");
  CHECK(grouped(1'234'567) == "1,234,567");
  CHECK(grouped(999) == "999");
}

}  // namespace
}  // namespace pawl::cli
