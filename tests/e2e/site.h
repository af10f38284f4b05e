#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tests/store/temp_directory.h"
#include "tests/support/broker_process.h"
#include "tests/support/child_process.h"
#include <pawl/client.h>

namespace pawl::test {

inline constexpr std::chrono::seconds kSoon{20};  // Far more than anything here takes.

// A named pipe between the test and the programs that workers run. The test holds both ends, so no
// program waits for it to be opened, and all of them see its end when the test is over.
class Pipe {
 public:
  explicit Pipe(std::filesystem::path path);
  ~Pipe();
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  std::string path() const { return path_.string(); }
  // Nothing when there is none within the time.
  std::optional<std::string> read_line(std::chrono::milliseconds within = kSoon);
  void write_lines(std::size_t count);

 private:
  std::filesystem::path path_;
  int file_;
  std::string unread_;
};

// A broker with a directory of its own, a client for it, and the programs.
struct Site {
  explicit Site(std::vector<std::string> flags = {})
      : broker(PAWL_PAWLD, directory.path(), std::move(flags)), client(options()) {}

  ClientOptions options() const;
  // `pawl worker exec` that runs a shell program for each job of the queue.
  ChildProcess worker(const std::string& queue, const std::string& script,
                      const std::vector<std::string>& flags = {}) const;
  Finished pawl(const std::vector<std::string>& arguments, std::string_view input = {}) const;
  Finished pawld(const std::vector<std::string>& arguments) const;
  std::string path(const char* name) const { return (directory.path() / name).string(); }
  std::string data() const { return broker.data_directory().string(); }

  std::vector<std::string> pawl_command() const;

  TempDirectory directory;
  BrokerProcess broker;
  Client client;
};

}  // namespace pawl::test
