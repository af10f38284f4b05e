#include <algorithm>
#include <array>
#include <string>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "client/cli/line_writer.h"

namespace pawl::cli {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kPart = 8192;

// Stays open: a writer that was left behind may still use it.
struct Pipe {
  Pipe() { REQUIRE(pipe(ends.data()) == 0); }
  // Empty at the end.
  std::string read_some() const {
    std::array<char, kPart / 2> buffer;
    const ssize_t bytes = read(ends[0], buffer.data(), buffer.size());
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(bytes, 0))};
  }
  std::array<int, 2> ends{};
};

TEST_CASE("lines are written in order, the last before the end", "[cli][log]") {
  const Pipe pipe;
  {
    LineWriter writer(pipe.ends[1], milliseconds(20'000));
    writer.add("one");
    writer.add("two");
  }
  CHECK(pipe.read_some() == "one\ntwo\n");
}

TEST_CASE("a reader that has stopped costs lines, which are counted, and holds nobody up",
          "[cli][log]") {
  const Pipe pipe;
  std::string text;
  {
    LineWriter writer(pipe.ends[1], milliseconds(20'000));
    // Far more than a pipe and the writer hold together.
    for (int i = 0; i < 10'000; ++i) writer.add(std::string(1000, 'x'));
    while (text.find("dropped", text.size() - std::min(text.size(), kPart)) == std::string::npos) {
      text += pipe.read_some();
    }
  }
  CHECK(text.starts_with("xxx"));
  CHECK(text.find(" lines of the log were dropped") != std::string::npos);
}

TEST_CASE("a writer that nobody reads ends in a bounded time", "[cli][log]") {
  constexpr std::size_t kLines = 1000;
  constexpr std::size_t kLineBytes = 1000;
  const Pipe pipe;
  {
    LineWriter writer(pipe.ends[1], milliseconds(1));
    for (std::size_t i = 0; i < kLines; ++i) writer.add(std::string(kLineBytes, 'x'));
  }
  // What it was given is still written when somebody reads after all.
  std::size_t bytes = 0;
  while (bytes < kLines * (kLineBytes + 1)) bytes += pipe.read_some().size();
}

}  // namespace
}  // namespace pawl::cli
