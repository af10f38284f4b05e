#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace pawl::test {

// A program that this test has started. Its standard output and error are kept and can be read at
// any time. It ends with this object, and with the thread that made it: make it on the main thread.
class ChildProcess {
 public:
  // `command` is the program's path and its arguments, `variables` (NAME=VALUE) come on top of this
  // process's environment. Throws std::system_error.
  explicit ChildProcess(std::vector<std::string> command, std::string_view input = {},
                        std::vector<std::string> variables = {});
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ChildProcess& operator=(ChildProcess&&) = delete;

  pid_t pid() const { return pid_; }
  // Becomes readable when the program ends.
  int end_event() const { return end_event_; }
  void signal(int number) const;

  // The exit status, 128 + n after signal n; nothing when it still runs after `within`.
  std::optional<int> wait(std::chrono::milliseconds within);

  std::string out() const;
  std::string err() const;

 private:
  pid_t pid_ = -1;
  int end_event_ = -1;
  int out_ = -1;
  int err_ = -1;
  std::optional<int> status_;
};

// A program that ran to its end.
struct Finished {
  int status = 0;
  std::string out;
  std::string err;
};

// Throws std::runtime_error when it takes longer than 20 s.
Finished run(std::vector<std::string> command, std::string_view input = {},
             std::vector<std::string> variables = {});

}  // namespace pawl::test
