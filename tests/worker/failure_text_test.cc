#include "worker/failure_text.h"

#include <string>

#include <catch2/catch.hpp>

namespace pawl::worker {

TEST_CASE("a failure's class fits on one line, its texts stay as they are", "[worker][failure]") {
  Failure failure;
  failure.error_class = "Bad\nClass\t\x7f \xc2\x85 \xc3\xa9";
  failure.message = "first\nsecond";
  failure.detail = "a\tb";
  const Failure fit = fit_for_report(failure);
  CHECK(fit.error_class == "Bad?Class?? ? \xc3\xa9");
  CHECK(fit.message == "first\nsecond");
  CHECK(fit.detail == "a\tb");
}

TEST_CASE("what is not UTF-8 is replaced, and cuts fall between characters", "[worker][failure]") {
  Failure failure;
  failure.error_class = std::string(127, 'c').append("\xc3\xa9");
  failure.message = "\xff\xc3\xa9\xc3";
  failure.detail = std::string("\xc3\xa9").append((64 << 10) - 1, 'd');
  const Failure fit = fit_for_report(failure);
  CHECK(fit.error_class == std::string(127, 'c'));
  CHECK(fit.message == "?\xc3\xa9?");
  CHECK(fit.detail == std::string((64 << 10) - 1, 'd'));
}

}  // namespace pawl::worker
