#include "client/hello_text.h"

#include <string>

#include <catch2/catch.hpp>

namespace pawl::client {
namespace {

TEST_CASE("a good name is said as it is", "[client][hello]") {
  CHECK(hello_text("mail worker (v2)", 128) == "mail worker (v2)");
  CHECK(hello_text("b\xc3\xbcro", 128) == "b\xc3\xbcro");
  CHECK(hello_text("", 128).empty());
}

TEST_CASE("a name that a broker would refuse is brought to ASCII", "[client][hello]") {
  CHECK(hello_text("b\xfcro", 128) == "b_ro");             // Latin-1, not UTF-8.
  CHECK(hello_text("a\nb\tc\x7f", 128) == "a_b_c_");       // Control characters,
  CHECK(hello_text("a\xc2\x85\xc3\xbc", 128) == "a____");  // beyond ASCII too.
  CHECK(hello_text(std::string("a\0b", 3), 128) == "a_b");
}

TEST_CASE("a long name is cut between two characters", "[client][hello]") {
  CHECK(hello_text(std::string(129, 'n'), 128) == std::string(128, 'n'));
  CHECK(hello_text("ab\xc3\xbc", 4) == "ab\xc3\xbc");
  CHECK(hello_text("ab\xc3\xbc", 3) == "ab");
  CHECK(hello_text("\xe2\x82\xac\xe2\x82\xac", 5) == "\xe2\x82\xac");
}

}  // namespace
}  // namespace pawl::client
