#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/child_process.h"

namespace pawl::test {

// The real broker in a process of its own, on a port that the system chose. It keeps its directory
// and port when it is started again.
class BrokerProcess {
 public:
  // `program` is pawld's path. Starts at once; see start().
  BrokerProcess(std::string program, std::filesystem::path directory,
                std::vector<std::string> flags = {});

  // NAME=VALUE each, for its environment from the next start on.
  void set_variables(std::vector<std::string> variables) { variables_ = std::move(variables); }
  // Returns when it serves. Throws std::runtime_error with its log when it does not.
  void start();
  // Starts without waiting for anything, with more variables (NAME=VALUE) in its environment.
  // REQUIRES: it has served before, so its port is known.
  void launch(std::vector<std::string> variables);
  // kill -9.
  void kill();
  // SIGTERM; the exit status, or nothing when it takes longer than `within`.
  std::optional<int> stop(std::chrono::milliseconds within = std::chrono::seconds(10));

  std::string url() const { return "pawl://127.0.0.1:" + port_; }
  std::string address() const { return "127.0.0.1:" + port_; }
  const std::filesystem::path& data_directory() const { return data_; }
  std::string log() const { return child_ ? child_->err() : std::string(); }
  ChildProcess& process() { return *child_; }

 private:
  std::vector<std::string> command() const;
  std::vector<std::string> variables_and(std::vector<std::string> more) const;
  bool wait_for_port();

  std::string program_;
  std::filesystem::path data_;
  std::filesystem::path port_file_;
  std::vector<std::string> flags_;
  std::vector<std::string> variables_;
  std::string port_ = "0";
  std::optional<ChildProcess> child_;
};

}  // namespace pawl::test
