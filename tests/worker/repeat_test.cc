#include "worker/repeat.h"

#include <catch2/catch.hpp>

namespace pawl::worker {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a signal that comes twice at once is one wish, a later one a second",
          "[worker][drain]") {
  const TimePoint begin{};
  RepeatFilter filter;
  CHECK_FALSE(filter.is_repeat(begin + 1s));
  CHECK(filter.is_repeat(begin + 1s));
  CHECK(filter.is_repeat(begin + 1099ms));
  CHECK_FALSE(filter.is_repeat(begin + 1100ms));
  CHECK(filter.is_repeat(begin + 1101ms));
}

}  // namespace
}  // namespace pawl::worker
