#include "proto/wire.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "proto/pawl.pb.h"

namespace pawl::wire {
namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out.push_back(static_cast<char>(value));
  return out;
}

std::vector<Field> fields_of(const std::string& message, bool& ok) {
  std::vector<Field> fields;
  FieldReader reader(message);
  Field field;
  while (reader.next(field)) fields.push_back(field);
  ok = reader.ok();
  return fields;
}

bool reads(const std::string& message) {
  bool ok = false;
  fields_of(message, ok);
  return ok;
}

TEST_CASE("a reader gives each field with its number, type, value and raw bytes", "[proto][wire]") {
  const std::string message = bytes(
      {0x08, 0x96, 0x01, 0x12, 0x02, 'h', 'i', 0x19, 1, 0, 0, 0, 0, 0, 0, 0x80, 0x25, 2, 0, 0, 0});
  bool ok = false;
  const std::vector<Field> fields = fields_of(message, ok);
  REQUIRE(ok);
  REQUIRE(fields.size() == 4);
  CHECK(fields[0].number == 1);
  CHECK(fields[0].value == 150);
  CHECK(fields[1].bytes == "hi");
  CHECK(fields[1].raw == message.substr(3, 4));
  CHECK(fields[2].value == 0x8000000000000001);
  CHECK(fields[3].type == WireType::fixed32);
  CHECK(fields[3].value == 2);
}

TEST_CASE("every way of ending too early is malformed", "[proto][wire]") {
  const std::string whole =
      bytes({0x08, 0x96, 0x01, 0x12, 0x02, 'h', 'i', 0x19, 1, 2, 3, 4, 5, 6, 7, 8});
  const std::vector<std::size_t> ends_of_fields = {0, 3, 7, whole.size()};
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    INFO(size);
    const bool at_end = std::ranges::find(ends_of_fields, size) != ends_of_fields.end();
    CHECK(reads(whole.substr(0, size)) == at_end);
  }
}

TEST_CASE("what no encoder writes is malformed", "[proto][wire]") {
  CHECK_FALSE(reads(bytes({0x00, 0x01})));        // Field number 0.
  CHECK_FALSE(reads(bytes({0x0b, 0x0c})));        // A group.
  CHECK_FALSE(reads(bytes({0x0e, 0x00})));        // Wire type 6.
  CHECK_FALSE(reads(bytes({0x08, 0x80, 0x00})));  // A varint longer than it needs to be.
  CHECK_FALSE(reads(bytes({0x88, 0x00, 0x01})));  // A tag so.
  CHECK_FALSE(reads(
      bytes({0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02})));  // 65 bits.
  CHECK_FALSE(
      reads(bytes({0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0x00})));
  CHECK_FALSE(reads(bytes({0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                           0x01})));                                // A length beyond all.
  CHECK_FALSE(reads(bytes({0xf8, 0xff, 0xff, 0xff, 0x7f, 0x01})));  // A tag of more than 32 bits.
  CHECK(reads(bytes({0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})));
}

TEST_CASE("a writer makes the bytes that generated code makes", "[proto][wire]") {
  pb::Outcome outcome;
  outcome.set_token(0x0102030405060708);
  outcome.set_batch_id(std::string(16, 'b'));
  outcome.set_kind(pb::Outcome::FAIL);
  outcome.mutable_failure()->set_message(std::string(300, 'm'));
  outcome.mutable_failure()->set_detail(std::string(20'000, 'd'));
  outcome.set_run_ms(UINT64_MAX);

  std::string out;
  FieldWriter writer(out);
  writer.fixed64(1, 0x0102030405060708);
  writer.bytes(2, std::string(16, 'b'));
  writer.number(4, 2);
  writer.bytes(6, "");
  const std::size_t begun = writer.begin(7);
  writer.bytes(2, std::string(300, 'm'));
  writer.bytes(3, std::string(20'000, 'd'));
  writer.end(begun);
  writer.number(8, UINT64_MAX);
  CHECK(out == outcome.SerializeAsString());
}

TEST_CASE("sizes are known before they are written", "[proto][wire]") {
  for (const std::uint64_t value : {1ULL, 127ULL, 128ULL, 16'383ULL, 16'384ULL, ~0ULL}) {
    std::string out;
    FieldWriter(out).number(15, value);
    CHECK(number_bytes(15, value) == out.size());
    out.clear();
    FieldWriter(out).number(16, value);
    CHECK(number_bytes(16, value) == out.size());
  }
  std::string out;
  FieldWriter(out).element(3, std::string(200, 'x'));
  CHECK(bytes_field_bytes(3, 200) == out.size());
  CHECK(number_bytes(1, 0) == 0);
}

TEST_CASE("control characters are those below a space and those behind tilde", "[proto][wire]") {
  CHECK_FALSE(has_control(""));
  CHECK_FALSE(has_control(" ~\xc2\xa0\xc3\x85"));
  for (const char* text : {"\n", "a\x1f", "\x7f", "\xc2\x80", "\xc2\x9f"}) CHECK(has_control(text));
}

TEST_CASE("only well-formed UTF-8 is UTF-8", "[proto][wire]") {
  CHECK(valid_utf8(""));
  CHECK(valid_utf8("plain text that is longer than eight bytes"));
  CHECK(valid_utf8("12345678\xc3\xa4"));  // The word-wise front ends before it.
  CHECK(valid_utf8("\xe2\x82\xac\xf0\x9f\x90\xa2"));
  CHECK(valid_utf8(std::string("\0", 1)));
  CHECK_FALSE(valid_utf8("\x80"));
  CHECK_FALSE(valid_utf8("1234567\xff"));
  CHECK_FALSE(valid_utf8("\xc3"));
  CHECK_FALSE(valid_utf8("\xc0\xaf"));  // Overlong.
  CHECK_FALSE(valid_utf8("\xe0\x80\xaf"));
  CHECK_FALSE(valid_utf8("\xf0\x80\x80\xaf"));
  CHECK_FALSE(valid_utf8("\xed\xa0\x80"));      // A surrogate.
  CHECK_FALSE(valid_utf8("\xf4\x90\x80\x80"));  // Over U+10FFFF.
  CHECK_FALSE(valid_utf8("\xe2\x28\xa1"));
}

}  // namespace
}  // namespace pawl::wire
