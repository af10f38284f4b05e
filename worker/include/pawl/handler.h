#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <pawl/context.h>
#include <pawl/export.h>
#include <pawl/job.h>

namespace pawl::inline v1 {

// A job's result: any bytes, up to 1 MiB, and what they are.
class PAWL_API Output {
 public:
  Output() {}
  Output(std::string bytes, std::string content_type = {})
      : bytes_(std::move(bytes)), content_type_(std::move(content_type)) {}
  Output(const char* text) : bytes_(text) {}

  const std::string& bytes() const& { return bytes_; }
  std::string bytes() && { return std::move(bytes_); }
  const std::string& content_type() const& { return content_type_; }
  std::string content_type() && { return std::move(content_type_); }

 private:
  std::string bytes_;
  std::string content_type_;
};

// Throw it to fail a job in words of your own. Every other exception fails it too: its type is the
// class then, what() the message.
class PAWL_API Fail : public std::runtime_error {
 public:
  explicit Fail(const Failure& failure) : std::runtime_error(failure.message), failure_(failure) {}
  // The class is what errors are grouped by.
  Fail(std::string error_class, const std::string& message, std::string detail = {})
      : std::runtime_error(message),
        failure_{.error_class = std::move(error_class),
                 .message = message,
                 .detail = std::move(detail)} {}

  const Failure& failure() const { return failure_; }

 private:
  Failure failure_;
};

// Throw it to hand a job back unrun: no attempt is counted, and another worker may take it at once.
class PAWL_API Release : public std::exception {
 public:
  const char* what() const noexcept override { return "the job is handed back"; }
};

// Runs one job, on a thread of the worker's own; several run at once, so it must be thread-safe.
// Returning completes the job for good.
using Handler = std::function<Output(Context&)>;

// Takes a function that returns an Output, what makes one, or nothing.
template <class F>
Handler make_handler(F function) {
  if constexpr (std::is_void_v<std::invoke_result_t<F&, Context&>>) {
    return [function = std::move(function)](Context& context) mutable {
      function(context);
      return Output();
    };
  } else {
    return Handler(std::move(function));
  }
}

}  // namespace pawl::inline v1
