#include <catch2/catch.hpp>

#include "client/cli/wording.h"

namespace pawl::cli {
namespace {

TEST_CASE("a refusal names fields as the user does, and durations with their units",
          "[cli][wording]") {
  CHECK(in_users_words("defaults: type may have only a") == "type may have only a");
  CHECK(in_users_words("jobs[12]: delay_ms is over 315360000000") == "delay is over 3650d");
  CHECK(in_users_words("delay_ms and run_at_ms are both set") == "delay and at are both set");
  CHECK(in_users_words("retry.backoff_max_ms is over 1000") == "backoff_max is over 1s");
  CHECK(in_users_words("retry.backoff_ms is over 1000") == "backoff is over 1s");
  CHECK(in_users_words("retry.max_attempts is over 1000") == "max_attempts is over 1000");
  CHECK(in_users_words("run_at_ms is over 0") == "at is over 1970-01-01T00:00:00.000Z");
  CHECK(in_users_words("headers.name is empty") == "a header's name is empty");
}

TEST_CASE("what is in the user's words already stays", "[cli][wording]") {
  CHECK(in_users_words("no connection to a:1: Connection refused") ==
        "no connection to a:1: Connection refused");
  CHECK(in_users_words("my_delay_ms is fine").ends_with("my_delay_ms is fine"));
  CHECK(in_users_words("").empty());
}

}  // namespace
}  // namespace pawl::cli
