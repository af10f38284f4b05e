#include "client/list_call.h"

#include <utility>

#include "client/decode.h"
#include "client/reply_size.h"

namespace pawl::client {
namespace {

// What the broker takes for a limit of zero.
constexpr std::uint32_t kLimitDefault = 100;

std::uint32_t limit_of(const pb::ListJobs& list) {
  return list.limit() == 0 ? kLimitDefault : list.limit();
}

}  // namespace

std::size_t ListCall::reply_bytes() const {
  return reply_bytes_of(limit_of(list_), View::status);
}

void ListCall::append_op(std::string& out, TimePoint /*now*/) {
  pb::Request request;
  *request.mutable_list_jobs() = list_;
  request.AppendToString(&out);
}

Call::Next ListCall::on_reply(pb::Reply& reply, TimePoint /*now*/) {
  if (!reply.has_list_jobs()) {
    fail(Error(Errc::protocol_error, "the answer to a list is of another kind"));
    return Next::ended;
  }
  JobPage page;
  for (const auto& job : reply.list_jobs().jobs()) page.jobs.push_back(status_of(job));
  page.next_cursor = std::move(*reply.mutable_list_jobs()->mutable_next_cursor());
  done_(std::move(page));
  return Next::ended;
}

Remedy ListCall::remedy(const Error& refusal) {
  const std::uint32_t limit = limit_of(list_);
  if (refusal.code() != Errc::too_large || limit == 1) return Remedy::none;
  list_.set_limit(limit / 2);
  return Remedy::send_again;
}

}  // namespace pawl::client
