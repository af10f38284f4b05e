#include "client/wait_call.h"

#include <algorithm>

#include "client/decode.h"
#include "client/wire_error.h"

namespace pawl::client {
namespace {

constexpr Milliseconds kRoundMax{60'000};
// With more waits than this, rounds are short, so that those that have no room on the connection
// get their turn: about as long as it takes all of them to come round in a few seconds.
constexpr std::size_t kLongRounds = 32;
constexpr Milliseconds kShortRoundMax{2'000};
constexpr Milliseconds kShortRoundMin{50};
constexpr std::size_t kTurns = 64;

Milliseconds round_for(std::size_t long_polls) {
  if (long_polls <= kLongRounds) return kRoundMax;
  const auto share =
      kShortRoundMax * static_cast<std::int64_t>(kTurns) / static_cast<std::int64_t>(long_polls);
  return std::clamp(share, kShortRoundMin, kShortRoundMax);
}

}  // namespace

void WaitCall::append_op(std::string& out, TimePoint now) {
  const auto left = std::chrono::ceil<Milliseconds>(wait_.until - now);
  pb::Request request;
  auto& wait = *request.mutable_wait_job();
  wait.set_id(bytes_of(wait_.id).data(), bytes_of(wait_.id).size());
  const auto round = std::clamp(left, Milliseconds(0), round_for(long_polls()));
  wait.set_max_wait_ms(static_cast<std::uint32_t>(round.count()));
  request.AppendToString(&out);
}

Call::Next WaitCall::on_reply(pb::Reply& reply, TimePoint now) {
  if (!reply.has_wait_job()) {
    fail(Error(Errc::protocol_error, "the answer to a wait is of another kind"));
    return Next::ended;
  }
  JobStatus status = status_of(reply.wait_job().job());
  if (!status.found()) {
    fail(not_shown_error(status.code, wait_.id));
    return Next::ended;
  }
  if (!is_final(status.state) && now < wait_.until) return Next::send_again;
  done_(std::move(status));
  return Next::ended;
}

std::optional<TimePoint> WaitCall::expire(TimePoint /*now*/, const Error& error) {
  if (error.code() != Errc::connection) {
    fail(error);
    return std::nullopt;
  }
  // Whoever waits had time enough for a connection; that none came about is the reason, not the
  // kind.
  fail(Error(Errc::deadline, error.message())
           .set_retryable(true)
           .set_request_id(error.request_id()));
  return std::nullopt;
}

}  // namespace pawl::client
