#include "broker/net/output.h"

#include <string>

#include <catch2/catch.hpp>

namespace pawl::net {
namespace {

std::string front(Output& output) {
  std::string bytes;
  for (const auto& buffer : output.front()) {
    bytes.append(static_cast<const char*>(buffer.data()), buffer.size());
  }
  return bytes;
}

TEST_CASE("an output that is never quite written frees what was", "[net][output]") {
  Output output;
  output.text().push_back('x');
  std::size_t most = 0;
  for (int i = 0; i < 10'000; ++i) {
    output.text().append(1000, static_cast<char>('a' + i % 26));
    output.consume(1000);  // One byte is always left.
    REQUIRE(output.bytes() == 1);
    most = std::max(most, output.held_bytes());
  }
  CHECK(most < 256 << 10);
  CHECK(front(output) == std::string(1, static_cast<char>('a' + 9'999 % 26)));
}

TEST_CASE("an output counts what is not written over many segments, blobs too", "[net][output]") {
  Output output;
  std::string all;
  for (int i = 0; i < 40; ++i) {
    const std::string text(10'000, static_cast<char>('a' + i % 26));
    output.text() += text;
    all += text;
    if (i % 7 != 0) continue;
    const std::string blob(5'000, '#');
    output.append(core::Blob::copy_of(blob));
    all += blob;
  }
  std::string written;
  while (!output.empty()) {
    REQUIRE(output.bytes() == all.size() - written.size());
    REQUIRE(output.held_bytes() >= output.bytes());
    const std::string next = front(output).substr(0, 7'777);
    written += next;
    output.consume(next.size());
  }
  CHECK(written == all);
  CHECK(output.held_bytes() == 0);
}

}  // namespace
}  // namespace pawl::net
