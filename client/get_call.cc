#include "client/get_call.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "client/decode.h"
#include "client/reply_size.h"

namespace pawl::client {

GetCall::GetCall(TimePoint deadline, std::span<const JobId> ids, View view,
                 Callback<std::vector<JobStatus>> done)
    : Call({.deadline = deadline}),
      ids_(ids.begin(), ids.end()),
      view_(view),
      jobs_(ids.size()),
      left_(ids.size()),
      at_once_(ids.size()),
      done_(std::move(done)) {
  std::iota(left_.begin(), left_.end(), std::size_t{0});
}

std::span<const std::size_t> GetCall::asked() const {
  return std::span(left_).subspan(at_, std::min(at_once_, left_.size() - at_));
}

std::size_t GetCall::reply_bytes() const {
  return reply_bytes_of(asked().size(), view_);
}

void GetCall::append_op(std::string& out, TimePoint /*now*/) {
  pb::Request request;
  auto& get = *request.mutable_get_jobs();
  for (const std::size_t position : asked()) {
    const std::string_view bytes = bytes_of(ids_[position]);
    get.add_ids(bytes.data(), bytes.size());
  }
  get.set_payloads(view_ == View::full);
  request.AppendToString(&out);
}

Call::Next GetCall::on_reply(pb::Reply& reply, TimePoint /*now*/) {
  const auto asked_now = asked();
  const auto& answers = reply.get_jobs().jobs();
  if (static_cast<std::size_t>(answers.size()) != asked_now.size()) {
    fail(Error(Errc::protocol_error, "the answer does not have the jobs that were asked for"));
    return Next::ended;
  }
  for (std::size_t i = 0; i < asked_now.size(); ++i) {
    JobStatus job = status_of(answers[static_cast<int>(i)]);
    if (job.code == Errc::too_large && asked_now.size() > 1) {
      alone_.push_back(asked_now[i]);
    } else {
      jobs_[asked_now[i]] = std::move(job);
    }
  }
  at_ += asked_now.size();
  if (at_ == left_.size()) {
    left_ = std::exchange(alone_, {});
    at_ = 0;
    at_once_ = 1;
  }
  if (!left_.empty()) return Next::send_again;
  done_(std::move(jobs_));
  return Next::ended;
}

Remedy GetCall::remedy(const Error& refusal) {
  const std::size_t many = asked().size();
  if (refusal.code() != Errc::too_large || many == 1) return Remedy::none;
  at_once_ = many / 2;
  return Remedy::send_again;
}

}  // namespace pawl::client
