#pragma once

#include <string>

#include "client/call.h"
#include "client/ticket.h"
#include <pawl/callback.h>
#include <pawl/job.h>

namespace pawl::client {

// Asks for a page of a list; for a shorter one, when the broker finds it too large for an answer.
class ListCall final : public Call {
 public:
  ListCall(TimePoint deadline, pb::ListJobs list, Ticket ticket, Callback<JobPage> done)
      : Call({.deadline = deadline}),
        list_(std::move(list)),
        ticket_(std::move(ticket)),
        done_(std::move(done)) {}

  std::size_t reply_bytes() const override;
  void append_op(std::string& out, TimePoint now) override;
  Next on_reply(pb::Reply& reply, TimePoint now) override;
  Remedy remedy(const Error& refusal) override;
  void fail(const Error& error) override { done_(error); }

 private:
  pb::ListJobs list_;
  Ticket ticket_;
  Callback<JobPage> done_;
};

}  // namespace pawl::client
