#pragma once

#include <string>

#include "client/call.h"
#include "client/ticket.h"
#include <pawl/callback.h>
#include <pawl/job.h>

namespace pawl::client {

// Waits for a job's final state, in rounds as long as the broker allows. Without its payload and
// result.
class WaitCall final : public Call {
 public:
  // `until` is when the wait itself is over; the deadline is a little later, so that the last
  // answer has time to come.
  struct Wait {
    JobId id;
    TimePoint until;
  };

  WaitCall(const Wait& wait, Ticket ticket, Callback<JobStatus> done)
      : Call({.deadline = wait.until + kLastAnswer}),
        wait_(wait),
        ticket_(std::move(ticket)),
        done_(std::move(done)) {}

  bool is_long_poll() const override { return true; }
  void append_op(std::string& out, TimePoint now) override;
  Next on_reply(pb::Reply& reply, TimePoint now) override;
  void fail(const Error& error) override { done_(error); }
  std::optional<TimePoint> expire(TimePoint now, const Error& error) override;

  static constexpr std::chrono::milliseconds kLastAnswer{2'000};

 private:
  Wait wait_;
  Ticket ticket_;
  Callback<JobStatus> done_;
};

}  // namespace pawl::client
