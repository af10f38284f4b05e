#include <array>
#include <cstdio>
#include <string>
#include <unistd.h>
#include <vector>

#include <catch2/catch.hpp>

#include "client/cli/app.h"
#include "tests/client/support/fake_broker.h"

namespace pawl::cli {
namespace {

using test::FakeBroker;

// A file in the place of a standard one, for as long as it lives.
class Redirected {
 public:
  explicit Redirected(int standard, std::string_view content = "")
      : standard_(standard), kept_(dup(standard)), file_(std::tmpfile()) {
    std::fwrite(content.data(), 1, content.size(), file_);
    std::rewind(file_);
    dup2(fileno(file_), standard_);
  }
  ~Redirected() {
    dup2(kept_, standard_);
    close(kept_);
    std::fclose(file_);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;

  std::string text() const {
    std::array<char, 4096> buffer{};
    const ssize_t bytes = pread(fileno(file_), buffer.data(), buffer.size(), 0);
    return {buffer.data(), static_cast<std::size_t>(bytes)};
  }

 private:
  int standard_;
  int kept_;
  std::FILE* file_;
};

struct Ran {
  int status = 0;
  std::string said;  // On stderr.
};

Ran enqueue_bulk(const FakeBroker& broker, const char* timeout, std::string_view jobs) {
  std::vector<std::string> words = {"pawl",  "--server", broker.url(), "--timeout",
                                    timeout, "enqueue",  "--bulk",     "-"};
  std::vector<char*> line;
  for (std::string& word : words) line.push_back(word.data());
  const Redirected in(STDIN_FILENO, jobs);
  const Redirected err(STDERR_FILENO);
  Ran ran;
  ran.status = run(static_cast<int>(line.size()), line.data());
  ran.said = err.text();
  return ran;
}

// Takes no jobs, and advises to try again after a while.
FakeBroker::Script full_disk(std::uint32_t retry_after_ms) {
  return [=](const FakeBroker::PeerPtr& peer, const pb::Request& request) {
    peer->send(request.has_ping() ? test::pong(request)
                                  : test::refused(request, pb::DISK_FULL, retry_after_ms));
  };
}

bool says(const Ran& ran, std::string_view text) {
  return ran.said.find(text) != std::string::npos;
}

TEST_CASE("bulk does not wait for a full disk longer than its timeout", "[cli][bulk]") {
  const FakeBroker broker(full_disk(5000));
  const Ran ran = enqueue_bulk(broker, "2s", "{\"type\":\"a\"}\n{\"type\":\"b\"}\n");
  CHECK(ran.status == 6);
  CHECK(says(ran, "error: lines 1 to 2: refused by the test\n"));
  CHECK(says(ran, "error: gave up, for no job was taken within 2s: refused by the test\n"));
}

TEST_CASE("bulk says what it waits for while the broker takes no jobs", "[cli][bulk]") {
  const FakeBroker broker(full_disk(50));
  const Ran ran = enqueue_bulk(broker, "4s", "{\"type\":\"a\"}\n");
  CHECK(ran.status == 6);
  CHECK(says(ran, "waiting: no answer from pawl://127.0.0.1:"));
  CHECK(says(ran, "or its disk is full\n"));
  CHECK(says(ran, "error: gave up"));
}

TEST_CASE("what bulk was not answered may have been accepted, and it says as which job",
          "[cli][bulk]") {
  const FakeBroker broker([](const FakeBroker::PeerPtr& peer, const pb::Request& request) {
    if (request.has_ping()) peer->send(test::pong(request));
  });
  const Ran ran = enqueue_bulk(broker, "2s", "{\"type\":\"a\"}\n");
  CHECK(ran.status == 7);
  CHECK(says(ran, "(it may have been accepted as "));
}

}  // namespace
}  // namespace pawl::cli
