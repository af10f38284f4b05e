#include "client/pipeline.h"

#include <algorithm>
#include <cassert>

#include "client/wire_error.h"
#include "proto/frame.h"
#include "proto/varint.h"

namespace pawl::client {
namespace {

using std::chrono::milliseconds;

// Ids of requests that the pipeline makes by itself; those of calls follow.
constexpr std::uint64_t kHelloId = 1;
constexpr std::uint64_t kPingId = 2;
constexpr std::uint64_t kFirstId = 3;

// Until the broker names its own bound.
constexpr std::size_t kFrameBytesMax = std::size_t{4} << 20;
// A reply parsed into the kept message must not leave more memory behind than this.
constexpr std::size_t kKeptReplyBytes = std::size_t{1} << 20;

Load load_of(const Call& call) {
  return {.long_poll = call.is_long_poll(), .reply_bytes = call.reply_bytes()};
}

void append_request_id(std::string& out, std::uint64_t id) {
  wire::append_tag(out, pb::Request::kIdFieldNumber, wire::WireType::varint);
  wire::append_varint(out, id);
}

}  // namespace

Pipeline::Pipeline(const PipelineOptions& options, PipelineHooks hooks)
    : options_(options),
      hooks_(std::move(hooks)),
      reconnect_(options.backoff, options.backoff_max, options.seed),
      random_(static_cast<std::minstd_rand::result_type>(options.seed)),
      last_cut_(Errc::connection, "there is no connection to the broker yet"),
      frame_bytes_max_(kFrameBytesMax),
      next_id_(kFirstId),
      window_({.requests_max = options.window, .long_polls_max = options.long_polls_max}) {}

void Pipeline::submit(std::unique_ptr<Call> call, TimePoint now) {
  const TimePoint deadline = call->policy().deadline;
  const auto it = entries_.emplace_hint(entries_.end(), next_id_++, Entry());
  it->second.call = std::move(call);
  long_polls_ += it->second.call->is_long_poll();
  it->second.deadline = it->second.wake = deadline;
  wakes_.emplace(deadline, it->first);
  queue(it);
  if (deadline <= now) expire(it, now);
}

Pipeline::Decision Pipeline::advance(TimePoint now) {
  while (!wakes_.empty() && wakes_.begin()->first <= now) {
    wake_up(entries_.find(wakes_.begin()->second), now);
  }
  switch (phase_) {
    case Phase::resting:
      if (now < phase_ends_) return Decision::none;
      phase_ = Phase::connecting;
      phase_ends_ = now + options_.connect_timeout;
      return Decision::connect;
    case Phase::connecting:
    case Phase::greeting:
      return now < phase_ends_ ? Decision::none : Decision::cut;
    case Phase::ready:
      break;
  }
  if (now < silence_ends()) return Decision::none;
  if (ping_sent_ || ping_due_) return Decision::cut;
  ping_due_ = true;
  heard_at_ = now;
  return Decision::none;
}

TimePoint Pipeline::next_deadline() const {
  const TimePoint wake = wakes_.empty() ? TimePoint::max() : wakes_.begin()->first;
  return std::min(wake, phase_ == Phase::ready ? silence_ends() : phase_ends_);
}

// When a connection that owes an answer has been silent for too long.
TimePoint Pipeline::silence_ends() const {
  const bool due = !window_.empty() || ping_sent_ || ping_due_;
  return due ? heard_at_ + options_.silence_limit : TimePoint::max();
}

void Pipeline::on_connected(const pb::Hello& hello) {
  assert(phase_ == Phase::connecting);
  phase_ = Phase::greeting;
  answered_ = false;
  pb::Request request;
  request.set_id(kHelloId);
  *request.mutable_hello() = hello;
  wire::append_frame(hello_, request.SerializeAsString());
}

std::optional<Error> Pipeline::on_frame(std::string_view body, TimePoint now) {
  heard_at_ = now;
  const bool parsed = reply_.ParseFromArray(body.data(), static_cast<int>(body.size()));
  if (!parsed) return Error(Errc::protocol_error, "the broker sent what is not a reply");
  if (phase_ == Phase::greeting) return on_greeting(reply_, now);

  answered_ = true;
  if (reply_.has_ping()) on_pong(reply_.ping());
  if (reply_.id() == 0) {
    // A refusal of the connection as a whole; the broker cuts it after that.
    if (reply_.has_error()) return error_of(reply_.error());
    if (hooks_.on_push) hooks_.on_push(reply_);
  } else if (reply_.id() == kPingId) {
    ping_sent_ = false;
  } else if (const auto it = entries_.find(reply_.id());
             it != entries_.end() && it->second.stage == Stage::sent) {
    on_answer(it, reply_, now);
  } else {
    window_.on_late_answer(reply_.id());
  }
  if (body.size() > kKeptReplyBytes) reply_ = pb::Reply();
  return std::nullopt;
}

void Pipeline::on_pong(const pb::PingReply& pong) {
  if (hooks_.on_server_time) hooks_.on_server_time(pong.server_time_ms());
  for (const std::uint64_t id : std::exchange(dated_, {})) {
    const auto it = entries_.find(id);
    if (it != entries_.end() && it->second.stage == Stage::dated) queue(it);
  }
}

std::optional<Error> Pipeline::on_greeting(const pb::Reply& reply, TimePoint now) {
  if (reply.has_error()) {
    const Error refusal = error_of(reply.error());
    // A broker that will not have this client says so to everybody who waits; a busy one is tried
    // again.
    while (!refusal.retryable() && !entries_.empty()) fail(entries_.begin(), refusal);
    return refusal;
  }
  if (reply.id() != kHelloId || !reply.has_hello()) {
    return Error(Errc::protocol_error, "the broker did not answer the greeting");
  }
  phase_ = Phase::ready;
  heard_at_ = now;
  if (reply.hello().frame_bytes_max() > 0) frame_bytes_max_ = reply.hello().frame_bytes_max();
  window_.set_bounds(reply.hello());
  if (hooks_.on_ready) hooks_.on_ready(reply.hello());
  return std::nullopt;
}

void Pipeline::on_answer(Entries::iterator it, pb::Reply& reply, TimePoint now) {
  window_.on_answer(it->second.load);
  it->second.stage = Stage::resting;
  reconnect_.reset();
  if (reply.has_error()) return on_refusal(it, reply.error(), now);

  it->second.outcome_unknown = false;
  if (it->second.call->on_reply(reply, now) == Call::Next::ended) return end(it);
  queue(it);
}

void Pipeline::on_refusal(Entries::iterator it, const pb::Error& refusal, TimePoint now) {
  Entry& entry = it->second;
  Error error = error_of(refusal);
  entry.outcome_unknown |= error.code() == Errc::unavailable;
  error.set_outcome_unknown(entry.outcome_unknown);
  if (!error.retryable() && remedied(it, error)) return;
  if (!error.retryable() || entry.call->policy().when_refused == WhenRefused::fail) {
    return fail(it, error);
  }
  rest(it, error, now);
}

bool Pipeline::remedied(Entries::iterator it, const Error& refusal) {
  Entry& entry = it->second;
  switch (entry.call->remedy(refusal)) {
    case Remedy::none:
      return false;
    case Remedy::send_again:
      queue(it);
      return true;
    case Remedy::renew_clock:
      entry.refusal = refusal;
      entry.stage = Stage::dated;
      dated_.push_back(it->first);
      ping_due_ |= !ping_sent_;
      return true;
  }
  return false;
}

void Pipeline::rest(Entries::iterator it, const Error& refusal, TimePoint now) {
  Entry& entry = it->second;
  // The broker's advice and up to a quarter more, so that those refused together do not return
  // together.
  auto pause = refusal.retry_after();
  if (pause.count() == 0) {
    pause = std::min(options_.backoff * (1 << std::min(entry.refusals, 10)), options_.backoff_max);
  }
  pause += pause * static_cast<int>(random_() % 256) / 1024;
  ++entry.refusals;
  if (now + pause >= entry.deadline) {
    // Only for those whose time is up by then; their mates may have more.
    Error late = refusal;
    late.set_request_id(it->first);
    const auto next = entry.call->expire(now + pause, late);
    if (!next) return end(it);
    entry.deadline = *next;
  }
  entry.refusal = refusal;
  entry.stage = Stage::resting;
  wake_at(it, now + pause);
}

void Pipeline::on_progress(TimePoint now) {
  heard_at_ = std::max(heard_at_, now);
}

void Pipeline::on_cut(const Error& why, TimePoint now) {
  if (answered_) reconnect_.reset();
  phase_ = Phase::resting;
  phase_ends_ = now + std::max<TimePoint::duration>(reconnect_.next(), why.retry_after());
  last_cut_ = why;
  answered_ = ping_due_ = ping_sent_ = false;
  hello_.clear();
  clear_queues();
  for (auto next = entries_.begin(); next != entries_.end();) {
    const auto it = next++;
    Entry& entry = it->second;
    if (entry.stage == Stage::resting) continue;
    if (entry.stage == Stage::sent) {
      entry.stage = Stage::resting;
      entry.outcome_unknown = true;
    }
    // Its owner will ask anew on the next connection, so it must not wait for that itself.
    if (entry.call->policy().when_cut == WhenCut::fail) {
      fail(it, Error(Errc::connection, why.message()).set_retryable(true));
    } else {
      queue(it);  // Also what waits for the broker's time: the next greeting tells it.
    }
  }
  window_.on_cut();
}

void Pipeline::write(std::string& out, std::size_t bytes, TimePoint now) {
  out += hello_;
  hello_.clear();
  if (phase_ != Phase::ready) return;

  if (ping_due_) {
    pb::Request ping;
    ping.set_id(kPingId);
    ping.mutable_ping();
    wire::append_frame(out, ping.SerializeAsString());
    ping_due_ = false;
    ping_sent_ = true;
  }
  while (out.size() < bytes) {
    const auto it = next_to_write();
    if (it == entries_.end()) return;
    write_entry(out, it, now);
  }
}

// The first that may go of those that do; end() when none may.
Pipeline::Entries::iterator Pipeline::next_to_write() {
  auto first = entries_.end();
  std::deque<std::uint64_t>* queue = nullptr;
  for (auto& ids : queues_) {
    const auto it = front_of(ids);
    if (it == entries_.end() || !window_.takes(load_of(*it->second.call))) continue;
    if (queue != nullptr && first->first < it->first) continue;
    first = it;
    queue = &ids;
  }
  if (queue != nullptr) queue->pop_front();
  return first;
}

Pipeline::Entries::iterator Pipeline::front_of(std::deque<std::uint64_t>& ids) {
  for (; !ids.empty(); ids.pop_front()) {
    const auto it = entries_.find(ids.front());
    if (it != entries_.end() && it->second.stage == Stage::queued) return it;
  }
  return entries_.end();
}

void Pipeline::write_entry(std::string& out, Entries::iterator it, TimePoint now) {
  Entry& entry = it->second;
  const Load load = load_of(*entry.call);
  const std::size_t begun = wire::begin_frame(out);
  append_request_id(out, it->first);
  entry.call->set_long_polls(long_polls_);
  entry.call->append_op(out, now);
  if (out.size() - begun > frame_bytes_max_) {
    const std::string size = std::to_string(out.size() - begun);
    out.resize(begun - wire::kFrameHeaderBytes);
    return fail(it,
                Error(Errc::too_large, "the request takes " + size + " bytes, the broker takes " +
                                           std::to_string(frame_bytes_max_)));
  }
  wire::end_frame(out, begun);
  if (window_.empty()) heard_at_ = std::max(heard_at_, now);
  entry.load = load;
  window_.add(load);
  entry.stage = Stage::sent;
  entry.was_sent = true;
}

void Pipeline::close(const Error& why) {
  clear_queues();
  while (!entries_.empty()) fail(entries_.begin(), why);
}

void Pipeline::queue(Entries::iterator it) {
  it->second.stage = Stage::queued;
  const Load load = load_of(*it->second.call);
  queues_[load.long_poll ? 1 : load.reply_bytes > 0 ? 2 : 0].push_back(it->first);
}

void Pipeline::clear_queues() {
  for (auto& ids : queues_) ids.clear();
  dated_.clear();
}

void Pipeline::wake_at(Entries::iterator it, TimePoint wake) {
  wakes_.erase({it->second.wake, it->first});
  it->second.wake = wake;
  wakes_.emplace(wake, it->first);
}

void Pipeline::wake_up(Entries::iterator it, TimePoint now) {
  assert(it != entries_.end());
  if (it->second.deadline <= now) return expire(it, now);
  wake_at(it, it->second.deadline);
  queue(it);
}

void Pipeline::expire(Entries::iterator it, TimePoint now) {
  Entry& entry = it->second;
  const auto next = entry.call->expire(now, deadline_error(entry).set_request_id(it->first));
  if (!next) return end(it);
  entry.deadline = *next;
  wake_at(it, *next);
  // Its rest was to end before the deadline that has passed.
  if (entry.stage == Stage::resting) queue(it);
}

Error Pipeline::deadline_error(const Entry& entry) const {
  const bool unknown = entry.outcome_unknown || entry.stage == Stage::sent;
  if (entry.refusal && entry.stage != Stage::sent) {
    return Error(*entry.refusal).set_outcome_unknown(unknown);
  }
  if (entry.was_sent) {
    return Error(Errc::deadline, "the broker did not answer within the deadline")
        .set_retryable(true)
        .set_outcome_unknown(unknown);
  }
  if (phase_ == Phase::ready) {
    return Error(Errc::deadline, "the request could not be sent within the deadline")
        .set_retryable(true);
  }
  return Error(Errc::connection, last_cut_.message()).set_retryable(true);
}

void Pipeline::fail(Entries::iterator it, Error error) {
  const bool unknown = it->second.outcome_unknown || it->second.stage == Stage::sent;
  it->second.call->fail(error.set_request_id(it->first).set_outcome_unknown(unknown));
  end(it);
}

void Pipeline::end(Entries::iterator it) {
  if (it->second.stage == Stage::sent) window_.abandon(it->first, it->second.load);
  long_polls_ -= it->second.call->is_long_poll();
  wakes_.erase({it->second.wake, it->first});
  entries_.erase(it);
}

}  // namespace pawl::client
