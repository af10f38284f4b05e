#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "proto/pawl.pb.h"
#include <pawl/error.h>

namespace pawl::client {

using TimePoint = std::chrono::steady_clock::time_point;

// What to do with a request whose connection is cut before its answer, sent or not.
enum class WhenCut { send_again, fail };
// What to do with a request that the broker refused with a retryable code.
enum class WhenRefused { send_again, fail };

struct CallPolicy {
  TimePoint deadline;
  WhenCut when_cut = WhenCut::send_again;
  WhenRefused when_refused = WhenRefused::send_again;
};

// What a call can do about a refusal for good.
enum class Remedy {
  none,
  send_again,   // It asks for something else now.
  renew_clock,  // It may go again once the broker has told its time.
};

// A request until it has its answer. It ends by one of on_reply(), fail() and expire(), and is
// destroyed after that.
class Call {
 public:
  enum class Next { ended, send_again };

  explicit Call(const CallPolicy& policy) : policy_(policy) {}
  virtual ~Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  const CallPolicy& policy() const { return policy_; }

  // The broker may take its time with the answer, so it must not stand in the way of others.
  virtual bool is_long_poll() const { return false; }
  // What the answer to the next sending may come to; 0 for what is never large.
  virtual std::size_t reply_bytes() const { return 0; }

  // Appends the request without its id, as it is to be sent at `now`. Called again for each time
  // that it is sent.
  virtual void append_op(std::string& out, TimePoint now) = 0;
  // A reply without error, with the right id; its content may be taken. send_again asks for another
  // round.
  virtual Next on_reply(pb::Reply& reply, TimePoint now) = 0;
  // Asked before a refusal that is not retryable ends the call. It says whether the outcome of an
  // earlier sending is unknown.
  virtual Remedy remedy(const Error& refusal) {
    static_cast<void>(refusal);
    return Remedy::none;
  }
  virtual void fail(const Error& error) = 0;
  // The deadline has come. Returns the next one, if some of what the call stands for has still
  // time.
  virtual std::optional<TimePoint> expire(TimePoint now, const Error& error) {
    static_cast<void>(now);
    fail(error);
    return std::nullopt;
  }

  // How many long polls the connection has when this is sent, itself included.
  std::size_t long_polls() const { return long_polls_; }
  void set_long_polls(std::size_t n) { long_polls_ = n; }

 private:
  CallPolicy policy_;
  std::size_t long_polls_ = 0;
};

}  // namespace pawl::client
