#include <array>
#include <cstdio>
#include <string>
#include <unistd.h>
#include <vector>

#include <catch2/catch.hpp>

#include "client/cli/app.h"

namespace pawl::cli {
namespace {

// What the command line says on stderr while it lives.
class Stderr {
 public:
  Stderr() : shown_(dup(STDERR_FILENO)), file_(std::tmpfile()) {
    dup2(fileno(file_), STDERR_FILENO);
  }
  ~Stderr() {
    dup2(shown_, STDERR_FILENO);
    close(shown_);
    std::fclose(file_);
  }
  Stderr(const Stderr&) = delete;
  Stderr& operator=(const Stderr&) = delete;

  std::string text() const {
    std::array<char, 4096> buffer;
    const ssize_t bytes = pread(fileno(file_), buffer.data(), buffer.size(), 0);
    return {buffer.data(), static_cast<std::size_t>(bytes)};
  }

 private:
  int shown_;
  std::FILE* file_;
};

TEST_CASE("a worker's id that no broker takes is an error of usage", "[cli][worker]") {
  // Were it let pass, the program that is not there would end the command.
  std::vector<std::string> words = {"pawl", "worker",          "exec", "--worker-id", "rack 3, top",
                                    "--",   "/nowhere/program"};
  std::vector<char*> line;
  for (std::string& word : words) line.push_back(word.data());
  int status = 0;
  std::string said;
  {
    const Stderr captured;
    status = run(static_cast<int>(line.size()), line.data());
    said = captured.text();
  }
  CHECK(status == 2);
  CHECK(said == "error: a worker's id is 1 to 128 of A-Z a-z 0-9 _ . : -\n");
}

}  // namespace
}  // namespace pawl::cli
