#include "broker/net/conversation.h"

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include <spdlog/spdlog.h>

#include "broker/core/limits.h"
#include "broker/store/kill_point.h"

namespace pawl::net {
namespace {

namespace limits = core::limits;
using core::Errc;

// Their answers may come all at once.
constexpr std::size_t kWholeWaitsMax = 4;

constexpr core::Milliseconds kFullInboxRetry{100};
constexpr core::Milliseconds kStoppingRetry{1'000};
constexpr core::Milliseconds kCrowdedRetry{1'000};

// A job's status, and the same with its payload and result, are seldom larger than this.
constexpr std::size_t kStatusBytes = 4 << 10;
constexpr std::size_t kPayloadsBytes = limits::kPayloadBytesMax + limits::kResultBytesMax;

// What the reply to a question may come to. Replies to everything else are small, or come one at a
// time; a worker knows how many fetches it has in flight.
std::size_t reply_bytes_of(const core::Command& command) {
  std::size_t bytes = 0;
  if (const auto* get = std::get_if<core::GetJobs>(&command)) {
    const bool with = get->payloads == core::GetJobs::Payloads::with;
    bytes = get->ids.size() * (with ? kPayloadsBytes : kStatusBytes);
  } else if (const auto* list = std::get_if<core::ListJobs>(&command)) {
    bytes = list->limit * kStatusBytes;
  } else if (const auto* wait = std::get_if<core::WaitJob>(&command)) {
    if (wait->payloads == core::GetJobs::Payloads::with) bytes = kPayloadsBytes;
  }
  return std::min(bytes, limits::kFrameBytesMax);
}

// What a stopping broker does not begin any more.
bool begins_work(Operation operation) {
  return operation == Operation::enqueue || operation == Operation::fetch ||
         operation == Operation::wait_job;
}

core::Milliseconds uptime(const NetSettings& settings) {
  return std::chrono::duration_cast<core::Milliseconds>(std::chrono::steady_clock::now() -
                                                        settings.started);
}

template <class Command>
constexpr bool kHasSession =
    std::is_same_v<Command, core::Fetch> || std::is_same_v<Command, core::Report> ||
    std::is_same_v<Command, core::Heartbeat>;

// The answer to vouch(), for which nobody waits.
bool is_unasked(const core::Reply& reply) {
  return reply.ticket.request == 0 && (std::holds_alternative<core::Beaten>(reply.body) ||
                                       std::holds_alternative<core::Refused>(reply.body));
}

bool needs_session(Operation operation) {
  return operation == Operation::fetch || operation == Operation::report ||
         operation == Operation::heartbeat || operation == Operation::end_fetch;
}

}  // namespace

std::size_t Conversation::frame_bytes_max() const {
  return stage_ == Stage::fresh ? limits::kHelloBytesMax : settings_.greeting.frame_bytes_max;
}

bool Conversation::accepts() const {
  return (stage_ == Stage::fresh || stage_ == Stage::open) &&
         in_flight_.size() < settings_.in_flight_max &&
         output_.bytes() < limits::kOutputPauseBytes &&
         // A client that reads must not be cut for the replies to what was taken from it.
         (expected_bytes_ == 0 || expected_bytes_ + 2 * limits::kFrameBytesMax <=
                                      limits::kUnreadFactorMax * settings_.output_bytes_max);
}

void Conversation::take(std::string_view body) {
  FieldCheck check;
  const Request request = open_request(body, check);
  if (request.id == 0) return end(0, check.fault().code, check.fault().message);
  if (stage_ == Stage::fresh) {
    if (!check.ok()) return end(request.id, check.fault().code, check.fault().message);
    return greet(request, body.size());
  }
  if (is_in_flight(request.id)) {
    return end(request.id, Errc::invalid_argument, "this request id is in flight");
  }
  if (!check.ok()) return refuse(request.id, check.fault());
  serve(request);
}

void Conversation::greet(const Request& request, std::size_t body_bytes) {
  if (request.operation != Operation::hello) {
    return end(request.id, Errc::unauthenticated, "the first request must be hello");
  }
  FieldCheck check;
  Hello hello = decode_hello(request.message, check);
  if (check.ok() && hello.session.held.empty() && body_bytes > limits::kFrameBytesMaxBeforeHello) {
    check.refuse(Errc::too_large, "hello is over 8 KiB");
  }
  if (!check.ok()) return end(request.id, check.fault().code, check.fault().message);

  spdlog::debug("connection {}: {} {}", id_, hello.client_name, hello.client_version);
  if (!hello.is_worker) {
    stage_ = Stage::open;
    return encode_hello(request.id, settings_.greeting, services_.now().at, nullptr, output_);
  }
  stage_ = Stage::opening;
  hello.session.ticket = {id_, request.id};
  hello.session.fresh = services_.draw_session();
  post(request, std::move(hello.session));
  if (in_flight_.empty()) stage_ = Stage::ended;  // The inbox was full: the client was told.
}

void Conversation::serve(const Request& request) {
  if (request.operation == Operation::hello) {
    return end(request.id, Errc::invalid_argument, "hello was said already");
  }
  FieldCheck check;
  if (needs_session(request.operation) && session_.empty()) {
    check.refuse(Errc::invalid_argument, "only a worker may do this: say hello with worker");
  }
  if (stopping_ && begins_work(request.operation)) {
    return encode_refused(request.id, {Errc::unavailable, "the broker stops", kStoppingRetry},
                          output_);
  }
  if (request.operation == Operation::ping) {
    decode_nothing(request.message, check);
    if (!check.ok()) return refuse(request.id, check.fault());
    return encode_ping(request.id, settings_.greeting, services_.now().at, uptime(settings_),
                       output_);
  }
  if (!check.ok()) return refuse(request.id, check.fault());
  core::Command command = decode(request, check);
  if (!check.ok()) return refuse(request.id, check.fault());
  if (auto* enqueue = std::get_if<core::Enqueue>(&command);
      enqueue != nullptr && enqueue->groups.empty()) {
    return answer_refused_jobs(request, *enqueue);
  }
  const bool is_whole_wait =
      std::holds_alternative<core::WaitJob>(command) && reply_bytes_of(command) != 0;
  if (is_whole_wait && whole_waits() >= kWholeWaitsMax) {
    return encode_refused(
        request.id,
        {Errc::overloaded, "too many waits with payloads at once: wait without, and get the job",
         kCrowdedRetry},
        output_);
  }
  post(request, std::move(command));
}

std::size_t Conversation::whole_waits() const {
  return static_cast<std::size_t>(std::ranges::count_if(in_flight_, [](const InFlight& waiting) {
    return waiting.operation == Operation::wait_job && waiting.reply_bytes != 0;
  }));
}

core::Command Conversation::decode(const Request& request, FieldCheck& check) const {
  const auto addressed = [&](auto command) -> core::Command {
    command.ticket = {id_, request.id};
    if constexpr (kHasSession<decltype(command)>) command.session = session_;
    return command;
  };
  switch (request.operation) {
    case Operation::enqueue:
      return addressed(decode_enqueue(request.message, settings_.job, check));
    case Operation::fetch:
      return addressed(decode_fetch(request.message, check));
    case Operation::report:
      return addressed(decode_report(request.message, check));
    case Operation::get_jobs:
      return addressed(decode_get_jobs(request.message, check));
    case Operation::wait_job:
      return addressed(decode_wait_job(request.message, check));
    case Operation::list_jobs:
      return addressed(decode_list_jobs(request.message, check));
    case Operation::queue_stats:
      return addressed(decode_queue_stats(request.message, check));
    case Operation::cancel_jobs:
      return addressed(decode_cancel_jobs(request.message, check));
    default:
      break;
  }
  decode_nothing(request.message, check);
  if (request.operation == Operation::end_fetch) return addressed(core::EndFetch{});
  return addressed(core::Heartbeat{});
}

// Nothing of the batch is left for the engine, so it keeps no trace of it.
void Conversation::answer_refused_jobs(const Request& request, core::Enqueue& enqueue) {
  core::Reply reply;
  reply.ticket = {id_, request.id};
  core::Accepted& accepted = reply.body.emplace<core::Accepted>();
  accepted.refused = std::move(enqueue.refused);
  encode_reply(reply, output_);
}

void Conversation::post(const Request& request, core::Command&& command) {
  const std::size_t reply_bytes = reply_bytes_of(command);
  if (!hand_over(request.operation, std::move(command), request.message.size())) {
    encode_refused(request.id, {Errc::overloaded, "the broker is busy", kFullInboxRetry}, output_);
    return;
  }
  PAWL_KILL_POINT("net.command.posted");
  known_to_engine_ = true;
  expected_bytes_ += reply_bytes;
  in_flight_.push_back({request.id, request.operation, reply_bytes});
}

// Overload must not take leases away, so one heartbeat at a time always gets through.
bool Conversation::hand_over(Operation operation, core::Command&& command, std::size_t bytes) {
  if (operation != Operation::heartbeat || is_in_flight(operation)) {
    return services_.commands.post(std::move(command), bytes);
  }
  services_.commands.post_always(std::move(command));
  return true;
}

void Conversation::vouch() {
  core::Heartbeat heartbeat;
  heartbeat.ticket = {id_, 0};
  heartbeat.session = session_;
  services_.commands.post_always(heartbeat);
}

void Conversation::answer(const core::Reply& reply) {
  const std::uint64_t request = reply.ticket.request;
  if (request != 0 && !land(request)) return;
  if (is_unasked(reply)) return;
  if (stage_ == Stage::ended) return;
  if (stage_ == Stage::opening) {
    if (const auto* opened = std::get_if<core::SessionOpened>(&reply.body)) {
      session_ = opened->session;
      stage_ = Stage::open;
      encode_hello(request, settings_.greeting, opened->now, opened, output_);
      return;
    }
    stage_ = Stage::ended;
  }
  if (std::holds_alternative<core::Stopping>(reply.body)) return stop();
  encode_reply(reply, output_);
}

void Conversation::stop() {
  if (stopping_ || stage_ == Stage::ended) return;
  stopping_ = true;
  encode_stop("the broker stops", output_);
  // A wait may take a minute; the client asks the next broker again.
  const auto waits = std::partition(
      in_flight_.begin(), in_flight_.end(),
      [](const InFlight& waiting) { return waiting.operation != Operation::wait_job; });
  for (auto wait = waits; wait != in_flight_.end(); ++wait) {
    encode_refused(wait->request, {Errc::unavailable, "the broker stops", kStoppingRetry}, output_);
    expected_bytes_ -= wait->reply_bytes;
  }
  in_flight_.erase(waits, in_flight_.end());
}

void Conversation::refuse_stream(wire::FrameError error) {
  if (error == wire::FrameError::empty)
    return end(0, Errc::invalid_argument, "a frame of length 0");
  end(0, Errc::too_large, fmt::format("a frame over {} bytes", frame_bytes_max()));
}

void Conversation::overload() {
  if (stage_ == Stage::ended) return;
  end(0, Errc::overloaded,
      "the clients' unread replies and unfinished requests are too much memory", kCrowdedRetry);
}

void Conversation::refuse(std::uint64_t request, const Fault& fault) {
  encode_refused(request, {fault.code, fault.message, {}}, output_);
}

void Conversation::end(std::uint64_t request, Errc code, std::string_view message,
                       core::Milliseconds retry_after) {
  spdlog::debug("connection {} ends: {}", id_, message);
  encode_refused(request, {code, std::string(message), retry_after}, output_);
  stage_ = Stage::ended;
}

bool Conversation::is_in_flight(std::uint64_t request) const {
  return std::ranges::find(in_flight_, request, &InFlight::request) != in_flight_.end();
}

bool Conversation::is_in_flight(Operation operation) const {
  return std::ranges::find(in_flight_, operation, &InFlight::operation) != in_flight_.end();
}

bool Conversation::land(std::uint64_t request) {
  const auto found = std::ranges::find(in_flight_, request, &InFlight::request);
  if (found == in_flight_.end()) return false;
  expected_bytes_ -= found->reply_bytes;
  *found = in_flight_.back();
  in_flight_.pop_back();
  return true;
}

}  // namespace pawl::net
