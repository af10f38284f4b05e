#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "proto/pawl.pb.h"
#include <pawl/error.h>

namespace pawl::client {

using TimePoint = std::chrono::steady_clock::time_point;

// What to do with a request whose connection is cut before its answer.
enum class WhenCut { send_again, fail };
// What to do with a request that the broker refused with a retryable code.
enum class WhenRefused { send_again, fail };

struct CallPolicy {
  TimePoint deadline;
  WhenCut when_cut = WhenCut::send_again;
  WhenRefused when_refused = WhenRefused::send_again;
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

  // Appends the request without its id, as it is to be sent at `now`. Called again for each time
  // that it is sent.
  virtual void append_op(std::string& out, TimePoint now) = 0;
  // A reply without error, with the right id; its content may be taken. send_again asks for another
  // round.
  virtual Next on_reply(pb::Reply& reply, TimePoint now) = 0;
  virtual void fail(const Error& error) = 0;
  // The deadline has come. Returns the next one, if some of what the call stands for has still
  // time.
  virtual std::optional<TimePoint> expire(TimePoint now, const Error& error) {
    static_cast<void>(now);
    fail(error);
    return std::nullopt;
  }

 private:
  CallPolicy policy_;
};

}  // namespace pawl::client
