#include <csignal>
#include <string_view>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "client/cli/line_reader.h"

namespace pawl::cli {
namespace {

using Got = LineReader::Got;
using Patience = LineReader::Patience;

// The writer's end of a pipe.
class Writer {
 public:
  Writer() { REQUIRE(pipe(files_) == 0); }
  ~Writer() { end(); }

  int readers_end() const { return files_[0]; }
  void write(std::string_view bytes) {
    REQUIRE(::write(files_[1], bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  void end() {
    if (files_[1] >= 0) close(files_[1]);
    files_[1] = -1;
  }

 private:
  int files_[2] = {-1, -1};
};

TEST_CASE("lines come as they are written, and a pause is told", "[cli][bulk]") {
  Interrupt interrupt;
  Writer writer;
  LineReader reader(writer.readers_end(), interrupt);
  std::string line;
  writer.write("first\r\n\nthi");
  CHECK(reader.next(line, Patience::endless) == Got::line);
  CHECK(line == "first");
  CHECK(reader.next(line, Patience::brief) == Got::line);
  CHECK(line.empty());
  CHECK(reader.next(line, Patience::brief) == Got::nothing);
  writer.write("rd\nlast");
  CHECK(reader.next(line, Patience::brief) == Got::line);
  CHECK(line == "third");
  CHECK(reader.number() == 3);
  CHECK(reader.next(line, Patience::brief) == Got::nothing);
  writer.end();
  CHECK(reader.next(line, Patience::endless) == Got::line);
  CHECK(line == "last");
  CHECK(reader.next(line, Patience::endless) == Got::end);
}

TEST_CASE("an interrupt ends the reading of a pipe that is silent", "[cli][bulk]") {
  Interrupt interrupt;
  Writer writer;
  LineReader reader(writer.readers_end(), interrupt);
  std::string line;
  CHECK_FALSE(interrupt.wished());
  raise(SIGINT);
  CHECK(interrupt.wished());
  CHECK(reader.next(line, Patience::endless) == Got::end);
}

TEST_CASE("a byte order mark at the beginning is left out, and only there", "[cli][bulk]") {
  Interrupt interrupt;
  Writer writer;
  LineReader reader(writer.readers_end(), interrupt);
  std::string line;
  writer.write("\xef\xbb\xbf{}\n\xef\xbb\xbf{}\n");
  CHECK(reader.next(line, Patience::brief) == Got::line);
  CHECK(line == "{}");
  CHECK(reader.next(line, Patience::brief) == Got::line);
  CHECK(line == "\xef\xbb\xbf{}");
}

TEST_CASE("long lines come whole", "[cli][bulk]") {
  Interrupt interrupt;
  Writer writer;
  LineReader reader(writer.readers_end(), interrupt);
  const std::string half(30'000, 'x');
  std::string line;
  writer.write(half);
  CHECK(reader.next(line, Patience::brief) == Got::nothing);
  writer.write(half);
  writer.write("\n");
  CHECK(reader.next(line, Patience::endless) == Got::line);
  CHECK(line == half + half);
}

}  // namespace
}  // namespace pawl::cli
