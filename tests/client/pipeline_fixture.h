#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "client/pipeline.h"
#include "proto/frame.h"

namespace pawl::client {

using namespace std::chrono_literals;

// What became of a call.
struct CallLog {
  std::vector<std::string> events;
  std::optional<Error> error;
  int wanted_rounds = 1;
  std::size_t long_polls = 0;
  std::size_t reply_bytes = 0;
  std::vector<TimePoint> later_deadlines;
  Remedy remedy = Remedy::none;
};

// A Ping by the name of its log; writes down what happens to it.
class LoggedCall final : public Call {
 public:
  LoggedCall(const CallPolicy& policy, std::shared_ptr<CallLog> log, std::size_t bytes)
      : Call(policy), log_(std::move(log)), bytes_(bytes), long_poll_(bytes == kLongPoll) {}

  // In place of a size.
  static constexpr std::size_t kLongPoll = 7;

  bool is_long_poll() const override { return long_poll_; }
  std::size_t reply_bytes() const override { return log_->reply_bytes; }
  void append_op(std::string& out, TimePoint /*now*/) override {
    log_->long_polls = Call::long_polls();
    log_->events.emplace_back("sent");
    pb::Request request;
    request.mutable_hello()->set_client_name(std::string(bytes_, 'x'));
    request.AppendToString(&out);
  }
  Next on_reply(pb::Reply& /*reply*/, TimePoint /*now*/) override {
    log_->events.emplace_back("answered");
    return --log_->wanted_rounds > 0 ? Next::send_again : Next::ended;
  }
  Remedy remedy(const Error& refusal) override {
    if (refusal.outcome_unknown() && log_->remedy == Remedy::renew_clock) return Remedy::none;
    return std::exchange(log_->remedy, Remedy::none);
  }
  void fail(const Error& error) override {
    log_->events.emplace_back(name_of(error.code()));
    log_->error = error;
  }
  std::optional<TimePoint> expire(TimePoint now, const Error& error) override {
    if (log_->later_deadlines.empty()) return Call::expire(now, error);
    log_->events.emplace_back("partly " + std::string(name_of(error.code())));
    const TimePoint next = log_->later_deadlines.front();
    log_->later_deadlines.erase(log_->later_deadlines.begin());
    return next;
  }

 private:
  std::shared_ptr<CallLog> log_;
  std::size_t bytes_;
  bool long_poll_;
};

// A pipeline with a hand-moved clock; the test is socket and broker.
class PipelineFixture {
 public:
  using Decision = Pipeline::Decision;
  using Log = std::shared_ptr<CallLog>;

  explicit PipelineFixture(const PipelineOptions& options = {})
      : pipeline(options, {.on_ready = [this](const pb::HelloReply&) { ++greetings; },
                           .on_push = [this](const pb::Reply& push) { pushes.push_back(push); },
                           .on_server_time = [this](std::uint64_t ms) { server_time = ms; }}) {}

  Log submit(std::chrono::milliseconds deadline = 10s, CallPolicy policy = {},
             std::size_t bytes = 1) {
    auto log = std::make_shared<CallLog>();
    policy.deadline = now + deadline;
    pipeline.submit(std::make_unique<LoggedCall>(policy, log, bytes), now);
    return log;
  }
  // A call that is on its way, with something to do about a refusal.
  Log send(Remedy remedy = Remedy::none) {
    auto log = submit();
    log->remedy = remedy;
    sent();
    return log;
  }
  // Likewise, of which a part has until `first`, the rest until `last`.
  Log send_in_parts(std::chrono::milliseconds first, std::chrono::milliseconds last) {
    auto log = submit(first);
    log->later_deadlines = {now + last};
    sent();
    return log;
  }
  // A call whose answer may be as large as that.
  Log submit_asking(std::size_t reply_bytes) {
    auto log = std::make_shared<CallLog>();
    log->reply_bytes = reply_bytes;
    pipeline.submit(std::make_unique<LoggedCall>(CallPolicy{.deadline = now + 1h}, log, 1), now);
    return log;
  }

  Decision advance(std::chrono::milliseconds by) {
    now += by;
    return pipeline.advance(now);
  }

  // Goes on to the next time at which the pipeline wants to be called.
  Decision advance_to_next() {
    now = std::max(now, pipeline.next_deadline());
    return pipeline.advance(now);
  }

  void connect() {
    REQUIRE(advance_to_next() == Decision::connect);
    open();
    pb::Reply reply;
    reply.set_id(1);
    *reply.mutable_hello() = greeting;
    reply.mutable_hello()->set_frame_bytes_max(1000);
    REQUIRE_FALSE(receive(reply));
  }

  // The socket is there and the Hello leaves.
  void open() {
    pipeline.on_connected(pb::Hello());
    const auto requests = sent();
    REQUIRE(requests.size() == 1);
    REQUIRE(requests[0].has_hello());
    REQUIRE(requests[0].id() == 1);
  }

  void cut() { pipeline.on_cut(Error(Errc::connection, "cut by the test"), now); }

  void reconnect() {
    cut();
    connect();
  }

  // What is sent now.
  std::vector<pb::Request> sent(std::size_t bytes = 1 << 20) {
    std::string out;
    pipeline.write(out, bytes, now);
    wire::FrameReader reader(1 << 20);
    reader.feed(out);
    std::vector<pb::Request> requests;
    while (const auto body = reader.next()) {
      REQUIRE(requests.emplace_back().ParseFromArray(body->data(), static_cast<int>(body->size())));
    }
    REQUIRE(reader.buffered_bytes() == 0);
    return requests;
  }

  std::vector<std::uint64_t> sent_ids() {
    std::vector<std::uint64_t> ids;
    for (const auto& request : sent()) ids.push_back(request.id());
    return ids;
  }

  std::optional<Error> receive(const pb::Reply& reply) {
    return pipeline.on_frame(reply.SerializeAsString(), now);
  }
  void answer(std::uint64_t id, std::uint64_t server_time_ms = 0) {
    pb::Reply reply;
    reply.set_id(id);
    reply.mutable_ping()->set_server_time_ms(server_time_ms);
    REQUIRE_FALSE(receive(reply));
  }
  void refuse(std::uint64_t id, pb::Code code, std::uint32_t retry_after_ms = 0) {
    pb::Reply reply;
    reply.set_id(id);
    reply.mutable_error()->set_code(code);
    reply.mutable_error()->set_message("refused by the test");
    reply.mutable_error()->set_retryable(code >= pb::OVERLOADED);
    reply.mutable_error()->set_retry_after_ms(retry_after_ms);
    REQUIRE_FALSE(receive(reply));
  }

  pb::HelloReply greeting;  // Of the broker, for connect().
  TimePoint now{std::chrono::hours(1)};
  int greetings = 0;
  std::uint64_t server_time = 0;
  std::vector<pb::Reply> pushes;
  Pipeline pipeline;
};

using Events = std::vector<std::string>;
using Ids = std::vector<std::uint64_t>;

}  // namespace pawl::client
