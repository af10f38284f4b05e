#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <pawl/export.h>

// Options are classes with setters, not aggregates: g++ 12 destroys an aggregate temporary twice
// when it stands in an expression with co_await.
namespace pawl::inline v1 {

using Milliseconds = std::chrono::milliseconds;
// An instant on the broker's clocks, by Unix time.
using Time = std::chrono::sys_time<Milliseconds>;

// How a job is to be queued and run. What is not set is the queue's or the broker's default.
class PAWL_API Options {
 public:
  using Header = std::pair<std::string, std::string>;

  Options() {}

  // Where: A-Z a-z 0-9 _ . : - ; "default" when empty.
  Options& queue(std::string value) { return queue_ = std::move(value), *this; }
  Options& in_namespace(std::string value) { return namespace_ = std::move(value), *this; }
  // In what order: 0 to 9, higher first, 5 by default; jobs of one key keep their order.
  Options& priority(unsigned value) { return priority_ = value, *this; }
  Options& key(std::string value) { return key_ = std::move(value), *this; }
  // When: after a while on the broker's timeline, or at an instant by its wall clock; not both.
  Options& delay(Milliseconds value) { return delay_ = value, *this; }
  Options& run_at(Time value) { return run_at_ = value, *this; }
  // How often, and how long to wait before the second attempt, doubling from there up to `most`.
  Options& max_attempts(unsigned value) { return max_attempts_ = value, *this; }
  Options& backoff(Milliseconds first, Milliseconds most = Milliseconds(0)) {
    return backoff_ = first, backoff_max_ = most, *this;
  }
  // How long status and result are kept after completion.
  Options& retention(Milliseconds value) { return retention_ = value, *this; }
  // The worker stops a run that takes longer.
  Options& run_time_limit(Milliseconds value) { return run_time_limit_ = value, *this; }
  // Carried along, up to 32 headers and 16 tags.
  Options& header(std::string name, std::string value) {
    return headers_.emplace_back(std::move(name), std::move(value)), *this;
  }
  Options& tag(std::string value) { return tags_.push_back(std::move(value)), *this; }
  // What the payload's bytes are.
  Options& content_type(std::string value) { return content_type_ = std::move(value), *this; }
  Options& json() { return content_type("application/json"); }
  Options& schema_version(std::uint32_t value) { return schema_version_ = value, *this; }

  const std::string& queue() const { return queue_; }
  const std::string& in_namespace() const { return namespace_; }
  std::optional<unsigned> priority() const { return priority_; }
  const std::string& key() const { return key_; }
  Milliseconds delay() const { return delay_; }
  std::optional<Time> run_at() const { return run_at_; }
  unsigned max_attempts() const { return max_attempts_; }
  Milliseconds backoff() const { return backoff_; }
  Milliseconds backoff_max() const { return backoff_max_; }
  std::optional<Milliseconds> retention() const { return retention_; }
  Milliseconds run_time_limit() const { return run_time_limit_; }
  const std::vector<Header>& headers() const { return headers_; }
  const std::vector<std::string>& tags() const { return tags_; }
  const std::string& content_type() const { return content_type_; }
  std::uint32_t schema_version() const { return schema_version_; }

 private:
  std::string queue_;
  std::string namespace_;
  std::string key_;
  std::string content_type_;
  std::optional<unsigned> priority_;
  unsigned max_attempts_ = 0;
  std::uint32_t schema_version_ = 0;
  Milliseconds delay_{};
  std::optional<Time> run_at_;
  Milliseconds backoff_{};
  Milliseconds backoff_max_{};
  std::optional<Milliseconds> retention_;
  Milliseconds run_time_limit_{};
  std::vector<Header> headers_;
  std::vector<std::string> tags_;
};

// How long a call may take, connecting and sending again included. Not set: the client's
// call_deadline().
class Deadline {
 public:
  Deadline() {}
  template <class Rep, class Period>
  Deadline(std::chrono::duration<Rep, Period> within)
      : within_(std::chrono::ceil<Milliseconds>(within)) {}

  std::optional<Milliseconds> within() const { return within_; }

 private:
  std::optional<Milliseconds> within_;
};

enum class LogLevel { debug, info, warning, error };
using LogCallback = std::function<void(LogLevel, std::string_view)>;

// How a client (or worker) reaches the broker.
class PAWL_API ClientOptions {
 public:
  ClientOptions() {}

  // "pawl://[credentials@]host[:port][,host[:port]]...": port 7295 by default, an IPv6 address in
  // brackets. Several servers are tried in turn. The constructor of the client throws
  // Error{invalid_argument} when it makes no sense.
  ClientOptions& url(std::string value) { return url_ = std::move(value), *this; }
  // For people who look at the broker; the program's name by default.
  ClientOptions& client_name(std::string value) { return client_name_ = std::move(value), *this; }
  // The namespace of every call that names none.
  ClientOptions& in_namespace(std::string value) { return namespace_ = std::move(value), *this; }
  ClientOptions& call_deadline(Milliseconds value) { return call_deadline_ = value, *this; }
  ClientOptions& connect_timeout(Milliseconds value) { return connect_timeout_ = value, *this; }
  // The n-th reconnect in a row waits a random time between zero and the lesser of
  // first * 2^(n - 1) and most; longer when the broker asks for it.
  ClientOptions& reconnect_backoff(Milliseconds first, Milliseconds most) {
    return backoff_ = first, backoff_max_ = most, *this;
  }
  // A connection on which an answer is due, and on which for this long nothing came and nothing got
  // through, is asked by a ping, and after as long again taken for dead.
  ClientOptions& silence_limit(Milliseconds value) { return silence_limit_ = value, *this; }
  // The bound of what waits in this client for an answer. At the bound the blocking forms wait, the
  // others fail with `overloaded`.
  ClientOptions& in_flight_requests_max(std::size_t n) { return requests_max_ = n, *this; }
  ClientOptions& in_flight_bytes_max(std::size_t n) { return bytes_max_ = n, *this; }
  // Hears about connections, from the client's thread; a worker's handlers log by it too, from
  // theirs, but one at a time. Must neither block nor throw: it holds up what keeps the leases.
  // Silent by default.
  ClientOptions& log(LogCallback value) { return log_ = std::move(value), *this; }

  const std::string& url() const { return url_; }
  const std::string& client_name() const { return client_name_; }
  const std::string& in_namespace() const { return namespace_; }
  Milliseconds call_deadline() const { return call_deadline_; }
  Milliseconds connect_timeout() const { return connect_timeout_; }
  Milliseconds backoff() const { return backoff_; }
  Milliseconds backoff_max() const { return backoff_max_; }
  Milliseconds silence_limit() const { return silence_limit_; }
  std::size_t in_flight_requests_max() const { return requests_max_; }
  std::size_t in_flight_bytes_max() const { return bytes_max_; }
  const LogCallback& log() const { return log_; }

 private:
  std::string url_ = "pawl://127.0.0.1:7295";
  std::string client_name_;
  std::string namespace_;
  Milliseconds call_deadline_{10'000};
  Milliseconds connect_timeout_{5'000};
  Milliseconds backoff_{100};
  Milliseconds backoff_max_{5'000};
  Milliseconds silence_limit_{5'000};
  std::size_t requests_max_ = 100'000;
  std::size_t bytes_max_ = std::size_t{64} << 20;
  LogCallback log_;
};

}  // namespace pawl::inline v1
