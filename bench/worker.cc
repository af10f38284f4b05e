#include "bench/worker.h"

#include <algorithm>
#include <stdexcept>

#include "bench/enqueue_frame.h"
#include "proto/wire.h"

namespace pawl::bench {
namespace {

using wire::Field;
using wire::FieldReader;
using wire::FieldWriter;

constexpr std::chrono::seconds kHeartbeat{8};
constexpr std::uint64_t kHeartbeatId = 4000;

// A report's id tells how many jobs it was for; below this are fetches and heartbeats.
constexpr std::uint64_t kReportIds = 4096;
constexpr std::uint64_t report_id(std::uint64_t count, std::size_t jobs) {
  return kReportIds * (count + 1) + jobs;
}

std::size_t count_of(std::string_view packed) {
  return static_cast<std::size_t>(
      std::ranges::count_if(packed, [](char byte) { return (byte & 0x80) == 0; }));
}

std::string_view payload_of(std::string_view job) {
  FieldReader reader(job);
  for (Field field; reader.next(field);) {
    if (field.number == 3) return field.bytes;
  }
  return {};
}

}  // namespace

Worker::Worker(const Address& address, const WorkerPlan& plan, WorkersTotal& total)
    : plan_(plan), connection_(address, Role::worker), total_(total) {
  for (std::uint64_t id = 1; id <= plan_.in_flight; ++id) {
    fetches_.push_back(fetch_frame(id, {.queue = plan_.queue, .credits = plan_.credits}));
  }
}

void Worker::start(Clock::time_point now) {
  heartbeat_at_ = now + kHeartbeat;
  for (const std::string& fetch : fetches_) connection_.outgoing().append(fetch);
}

void Worker::on_frame(std::string_view body, Clock::time_point now) {
  const ReplyView reply = read_reply(body);
  if (!reply.error.empty()) throw std::runtime_error("a worker was refused: " + reply.error);
  if (reply.result == kFetchResult) on_fetched(reply, now);
  if (reply.result == kReportResult) on_reported(reply, now);
}

void Worker::on_fetched(const ReplyView& reply, Clock::time_point now) {
  Running run;
  run.fetch_id = reply.id;
  const bool at_once = plan_.handler.count() == 0;
  const std::size_t jobs =
      run_handlers(reply.message, at_once ? connection_.outgoing() : run.report);
  if (at_once || jobs == 0) return fetch_again(reply.id);
  run.until = now + plan_.handler;
  running_.push_back(std::move(run));
}

std::size_t Worker::run_handlers(std::string_view fetched, std::string& out) {
  outcomes_.clear();
  const std::uint64_t now = stamp_of(Clock::now());
  std::uint64_t token = 0;
  std::size_t jobs = 0;
  FieldReader reader(fetched);
  for (Field field; reader.next(field);) {
    if (field.number == 1) token = field.value;
    if (field.number != 2) continue;
    const DeliveryView delivery = read_delivery(field.bytes);
    jobs += start_handlers(delivery, now);
    append_outcome(outcomes_, token, delivery, Verdict::complete);
  }
  if (jobs == 0) return 0;
  const std::size_t begun = wire::begin_frame(out);
  FieldWriter request(out);
  request.number(1, report_id(next_report_++, jobs));
  request.bytes(6, outcomes_);
  wire::end_frame(out, begun);
  return jobs;
}

std::size_t Worker::start_handlers(const DeliveryView& delivery, std::uint64_t now) {
  std::size_t jobs = 0;
  FieldReader reader(delivery.jobs);
  for (Field field; reader.next(field); ++jobs) {
    const Mark mark = mark_of(payload_of(field.bytes));
    total_.ledger.record(mark.number);
    total_.latency_from_call.record(now - mark.called_at);
    total_.latency_from_due.record(now - mark.due_at);
  }
  if (jobs != count_of(delivery.packed_index)) {
    throw std::runtime_error("a delivery's jobs and indexes differ in number");
  }
  return jobs;
}

void Worker::fetch_again(std::uint64_t fetch_id) {
  connection_.outgoing().append(fetches_[static_cast<std::size_t>(fetch_id - 1)]);
}

void Worker::on_reported(const ReplyView& reply, Clock::time_point now) {
  std::uint64_t refused = 0;
  FieldReader reader(reply.message);
  for (Field field; reader.next(field);) ++refused;
  const std::uint64_t accepted = reply.id % kReportIds - refused;
  const bool before = total_.completed < total_.mark_at;
  total_.refused += refused;
  total_.completed += accepted;
  completed_ += accepted;
  if (before && total_.completed >= total_.mark_at) total_.marked_at = now;
}

std::optional<Clock::time_point> Worker::next_time() const {
  if (running_.empty()) return heartbeat_at_;
  return std::min(heartbeat_at_, running_.front().until);
}

void Worker::on_time(Clock::time_point now) {
  for (; !running_.empty() && running_.front().until <= now; running_.pop_front()) {
    connection_.outgoing().append(running_.front().report);
    fetch_again(running_.front().fetch_id);
  }
  if (heartbeat_at_ > now) return;
  connection_.outgoing().append(heartbeat_frame(kHeartbeatId));
  heartbeat_at_ = now + kHeartbeat;
}

}  // namespace pawl::bench
