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

using core::Errc;

constexpr core::Milliseconds kFullInboxRetry{100};
constexpr core::Milliseconds kStoppingRetry{1'000};
constexpr std::size_t kHelloBytesMax = 64 << 10;  // With held jobs.
constexpr std::size_t kOutputPauseBytes = 1
                                          << 20;  // A client that does not read is not read either.

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

bool needs_session(Operation operation) {
  return operation == Operation::fetch || operation == Operation::report ||
         operation == Operation::heartbeat;
}

}  // namespace

std::size_t Conversation::frame_bytes_max() const {
  return stage_ == Stage::fresh ? kHelloBytesMax : settings_.greeting.frame_bytes_max;
}

bool Conversation::accepts() const {
  return (stage_ == Stage::fresh || stage_ == Stage::open) &&
         in_flight_.size() < settings_.in_flight_max && output_.bytes() < kOutputPauseBytes;
}

void Conversation::take(std::string_view body) {
  FieldCheck check;
  const Request request = open_request(body, check);
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
  if (check.ok() && hello.session.held.empty() &&
      body_bytes > core::limits::kFrameBytesMaxBeforeHello) {
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
  post(request, std::move(command));
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
  if (!services_.commands.post(std::move(command), request.message.size())) {
    encode_refused(request.id, {Errc::overloaded, "the broker is busy", kFullInboxRetry}, output_);
    return;
  }
  PAWL_KILL_POINT("net.command.posted");
  known_to_engine_ = true;
  in_flight_.push_back({request.id, request.operation});
}

void Conversation::answer(const core::Reply& reply) {
  const std::uint64_t request = reply.ticket.request;
  if (request != 0 && !land(request)) return;
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
  }
  in_flight_.erase(waits, in_flight_.end());
}

void Conversation::refuse_stream(wire::FrameError error) {
  if (error == wire::FrameError::empty)
    return end(0, Errc::invalid_argument, "a frame of length 0");
  end(0, Errc::too_large, fmt::format("a frame over {} bytes", frame_bytes_max()));
}

void Conversation::refuse(std::uint64_t request, const Fault& fault) {
  encode_refused(request, {fault.code, fault.message, {}}, output_);
}

void Conversation::end(std::uint64_t request, Errc code, std::string_view message) {
  spdlog::debug("connection {} ends: {}", id_, message);
  encode_refused(request, {code, std::string(message), {}}, output_);
  stage_ = Stage::ended;
}

bool Conversation::is_in_flight(std::uint64_t request) const {
  return std::ranges::find(in_flight_, request, &InFlight::request) != in_flight_.end();
}

bool Conversation::land(std::uint64_t request) {
  const auto found = std::ranges::find(in_flight_, request, &InFlight::request);
  if (found == in_flight_.end()) return false;
  *found = in_flight_.back();
  in_flight_.pop_back();
  return true;
}

}  // namespace pawl::net
