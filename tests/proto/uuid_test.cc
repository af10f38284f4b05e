#include "proto/uuid.h"

#include <catch2/catch.hpp>

namespace pawl::wire {
namespace {

TEST_CASE("an id's text is a UUID's and reads back in either case", "[proto][uuid]") {
  const Uuid uuid = {0x01, 0x93, 0x5a, 0xbc, 0xde, 0xf0, 0x7a, 0x5c,
                     0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0, 0x03};
  CHECK(uuid_text(uuid) == "01935abc-def0-7a5c-bfff-fffffffff003");
  CHECK(parse_uuid("01935abc-def0-7a5c-bfff-fffffffff003") == uuid);
  CHECK(parse_uuid("01935ABC-DEF0-7A5C-BFFF-FFFFFFFFF003") == uuid);
}

TEST_CASE("what is not a UUID's text is refused", "[proto][uuid]") {
  CHECK_FALSE(parse_uuid(""));
  CHECK_FALSE(parse_uuid("01935abc-def0-7a5c-bfff-fffffffff00"));
  CHECK_FALSE(parse_uuid("01935abc-def0-7a5c-bfff-fffffffff0033"));
  CHECK_FALSE(parse_uuid("01935abcd-ef0-7a5c-bfff-fffffffff003"));
  CHECK_FALSE(parse_uuid("01935abc-def0-7a5c-bfff-ffffffffg003"));
  CHECK_FALSE(parse_uuid("{1935abc-def0-7a5c-bfff-ffffffffff03"));
}

}  // namespace
}  // namespace pawl::wire
