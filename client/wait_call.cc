#include "client/wait_call.h"

#include <algorithm>

#include "client/decode.h"
#include "client/wire_error.h"

namespace pawl::client {
namespace {

constexpr Milliseconds kRoundMax{60'000};

}  // namespace

void WaitCall::append_op(std::string& out, TimePoint now) {
  const auto left = std::chrono::ceil<Milliseconds>(wait_.until - now);
  pb::Request request;
  auto& wait = *request.mutable_wait_job();
  wait.set_id(bytes_of(wait_.id).data(), bytes_of(wait_.id).size());
  wait.set_max_wait_ms(
      static_cast<std::uint32_t>(std::clamp(left, Milliseconds(0), kRoundMax).count()));
  wait.set_payloads(wait_.view == View::full);
  request.AppendToString(&out);
}

Call::Next WaitCall::on_reply(pb::Reply& reply, TimePoint now) {
  if (!reply.has_wait_job()) {
    fail(Error(Errc::protocol_error, "the answer to a wait is of another kind"));
    return Next::ended;
  }
  JobStatus status = status_of(reply.wait_job().job());
  if (!status.found()) {
    fail(Error(status.code, "no job has the id " + wait_.id.to_string()));
    return Next::ended;
  }
  if (!is_final(status.state) && now < wait_.until) return Next::send_again;
  done_(std::move(status));
  return Next::ended;
}

}  // namespace pawl::client
