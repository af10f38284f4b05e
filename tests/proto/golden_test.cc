#include "tests/proto/golden.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include <catch2/catch.hpp>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>

#include "proto/frame.h"
#include "proto/pawl.pb.h"

namespace pawl {
namespace {

using google::protobuf::TextFormat;
using google::protobuf::util::MessageDifferencer;

std::set<std::string> names() {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(PAWL_TESTS_DIR "/proto/golden")) {
    names.insert(entry.path().stem().string());
  }
  return names;
}

template <class Message>
void check_both_ways(const std::string& name) {
  Message from_text;
  REQUIRE(TextFormat::ParseFromString(golden_file(name + ".txt"), &from_text));
  std::string frame;
  wire::append_frame(frame, from_text.SerializeAsString());
  CHECK(frame == golden_frame(name));

  Message from_bytes;
  REQUIRE(from_bytes.ParseFromString(golden_body(name)));
  CHECK(MessageDifferencer::Equals(from_text, from_bytes));
}

TEST_CASE("golden texts and golden bytes say the same", "[proto][golden]") {
  for (const std::string& name : names()) {
    INFO(name);
    if (name.starts_with("request")) {
      check_both_ways<pb::Request>(name);
    } else {
      check_both_ways<pb::Reply>(name);
    }
  }
}

// The names of all operations and results, so that none is without an example.
template <class Message>
void check_complete(const std::string& prefix) {
  const std::set<std::string> present = names();
  const auto* const fields = Message::descriptor();
  for (int i = 0; i < fields->field_count(); ++i) {
    const std::string& field = fields->field(i)->name();
    if (field == "id") continue;
    INFO(prefix << field);
    CHECK(present.contains(prefix + field));
  }
}

TEST_CASE("every request and every reply has a golden example", "[proto][golden]") {
  check_complete<pb::Request>("request_");
  check_complete<pb::Reply>("reply_");
}

}  // namespace
}  // namespace pawl
