#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "client/call.h"
#include "client/ticket.h"
#include <pawl/callback.h>
#include <pawl/job.h>

namespace pawl::client {

// Asks for jobs, in as many rounds as the broker's bound of an answer makes necessary: what had no
// room is asked for again alone, and after a refusal of the whole half as many at once.
class GetCall final : public Call {
 public:
  // REQUIRES: some ids.
  GetCall(TimePoint deadline, std::span<const JobId> ids, View view,
          Callback<std::vector<JobStatus>> done);

  // Held until the call has ended.
  void hold(Ticket ticket) { ticket_ = std::move(ticket); }

  std::size_t reply_bytes() const override;
  void append_op(std::string& out, TimePoint now) override;
  Next on_reply(pb::Reply& reply, TimePoint now) override;
  Remedy remedy(const Error& refusal) override;
  void fail(const Error& error) override { done_(error); }

 private:
  std::span<const std::size_t> asked() const;

  std::vector<JobId> ids_;
  View view_;
  std::vector<JobStatus> jobs_;     // By the ids' positions.
  std::vector<std::size_t> left_;   // Positions to ask for in this pass, from at_ on.
  std::vector<std::size_t> alone_;  // Positions for the next pass, one by one.
  std::size_t at_ = 0;
  std::size_t at_once_;
  Ticket ticket_;
  Callback<std::vector<JobStatus>> done_;
};

}  // namespace pawl::client
