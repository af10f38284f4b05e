#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "client/cli/exit_code.h"
#include <pawl/error.h>

namespace pawl::cli {

// Ends a command: what happened, what to do next, and what the shell gets.
class CommandError : public std::runtime_error {
 public:
  CommandError(ExitCode exit_code, const std::string& message, std::string hint = {})
      : std::runtime_error(message), exit_code_(exit_code), hint_(std::move(hint)) {}

  ExitCode exit_code() const { return exit_code_; }
  // The word for programs: "not_found" and so on.
  const std::string& code() const { return code_; }
  const std::string& hint() const { return hint_; }
  unsigned long long request_id() const { return request_id_; }
  // The job that may have been accepted all the same.
  const std::optional<JobId>& job_id() const { return job_id_; }

  CommandError& set_code(std::string value) { return code_ = std::move(value), *this; }
  CommandError& set_job_id(const std::optional<JobId>& value) { return job_id_ = value, *this; }
  CommandError& set_request_id(unsigned long long value) { return request_id_ = value, *this; }

 private:
  ExitCode exit_code_;
  std::string hint_;
  std::string code_ = "failed";
  unsigned long long request_id_ = 0;
  std::optional<JobId> job_id_;
};

CommandError usage_error(const std::string& message, std::string hint = {});

ExitCode exit_code_of(Errc code);
// A failed call, with a hint when there is something to do about it. `server` is for the hint.
CommandError command_error_of(const Error& error, const std::string& server);

}  // namespace pawl::cli
