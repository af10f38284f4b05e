#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <pawl/export.h>
#include <pawl/job_id.h>

namespace pawl::inline v1 {

// Why a call failed. The codes below 100 are the broker's answers and have the numbers of the wire
// protocol.
enum class Errc {
  ok = 0,
  invalid_argument = 1,  // The request or job breaks a rule; the message names the field.
  unsupported = 2,       // This broker does not know the operation, version or option.
  too_large = 3,         // A frame, payload or name is over its limit.
  unauthenticated = 4,   // The credentials are missing or wrong.
  not_found = 5,         // No such job, or it is past its retention.
  id_expired = 6,        // The batch was on its way for longer than the broker remembers batches.
  id_conflict = 7,       // The batch's id is taken by other bytes.
  lease_lost = 8,        // The job runs elsewhere or has ended.
  overloaded = 9,        // The broker, or this client's bound of requests in flight, is full.
  disk_full = 10,        // The broker has no room for new jobs.
  unavailable = 11,      // The broker stops, starts or lost its store.

  deadline = 100,    // The call's time was up before an answer came.
  connection = 101,  // The broker could not be reached, or the connection was cut under a call that
                     // is not sent again.
  protocol_error = 102,  // The broker answered what this client does not understand.
  closed = 103,          // The client was closed.
  cancelled = 104,       // The caller gave the call up (Asio's cancellation).
};

// "not_found" and so on.
PAWL_API std::string_view name_of(Errc code);

// Why a call failed: thrown by the plain forms, handed over by the others.
// Copying it is cheap and does not throw.
class PAWL_API Error : public std::exception {
 public:
  Error(Errc code, std::string message)
      : code_(code), message_(std::make_shared<const std::string>(std::move(message))) {}
  // Never moved from, so that each has its message.
  Error(const Error&) noexcept = default;
  Error& operator=(const Error&) noexcept = default;

  Errc code() const { return code_; }
  // What is wrong and what to do, for people.
  const std::string& message() const { return *message_; }
  const char* what() const noexcept override { return message_->c_str(); }
  // The same call may succeed later.
  bool retryable() const { return retryable_; }
  // The broker's advice how long to wait before the next try; zero is none.
  std::chrono::milliseconds retry_after() const { return retry_after_; }
  // The call was sent and its answer is missing: an enqueue may or may not have been accepted.
  bool outcome_unknown() const { return outcome_unknown_; }
  // With an outcome_unknown() of an enqueue: the id that the job has if it was accepted, to be
  // looked up; that of the first job when several are accepted as one. Nothing when the caller gave
  // the call up.
  const std::optional<JobId>& job_id() const { return job_id_; }
  // The request's number on its connection; 0 when it never got one.
  std::uint64_t request_id() const { return request_id_; }

  Error& set_retryable(bool value) { return retryable_ = value, *this; }
  Error& set_retry_after(std::chrono::milliseconds value) { return retry_after_ = value, *this; }
  Error& set_outcome_unknown(bool value) { return outcome_unknown_ = value, *this; }
  Error& set_job_id(const JobId& value) { return job_id_ = value, *this; }
  Error& set_request_id(std::uint64_t value) { return request_id_ = value, *this; }

 private:
  Errc code_;
  std::shared_ptr<const std::string> message_;
  bool retryable_ = false;
  bool outcome_unknown_ = false;
  std::chrono::milliseconds retry_after_{};
  std::uint64_t request_id_ = 0;
  std::optional<JobId> job_id_;
};

// A value or the Error that stands in its place.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return held_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // Throws the Error when there is no value.
  T& value() & { return require(), std::get<0>(held_); }
  const T& value() const& { return require(), std::get<0>(held_); }
  T value() && { return require(), std::get<0>(std::move(held_)); }

  // REQUIRES: has_value(), for the next four; !has_value() for error().
  T& operator*() & { return *std::get_if<0>(&held_); }
  const T& operator*() const& { return *std::get_if<0>(&held_); }
  T* operator->() { return std::get_if<0>(&held_); }
  const T* operator->() const { return std::get_if<0>(&held_); }
  const Error& error() const { return *std::get_if<1>(&held_); }

 private:
  void require() const {
    if (!has_value()) throw error();
  }

  std::variant<T, Error> held_;
};

}  // namespace pawl::inline v1
