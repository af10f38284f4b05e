#include "bench/producer.h"

#include <algorithm>
#include <stdexcept>

namespace pawl::bench {

Producer::Producer(const Address& address, const ProducerPlan& plan)
    : plan_(plan), connection_(address, Role::producer), random_(fresh_seed()) {
  if (plan_.jobs % plan_.batch != 0) throw std::runtime_error("jobs is not a multiple of batch");
  for (std::size_t slot = 0; slot < plan_.in_flight; ++slot) {
    frames_.emplace_back(
        EnqueueFrame::Shape{.request_id = slot + 1, .queue = plan_.queue, .jobs = plan_.batch});
    free_.push_back(slot);
  }
}

void Producer::start(Clock::time_point now) {
  started_at_ = now;
  if (open_loop()) return;
  while (!free_.empty() && sent_ < plan_.jobs) {
    send_next(free_.back(), now);
    free_.pop_back();
  }
}

Clock::time_point Producer::due_time() const {
  if (!open_loop()) return Clock::now();
  const std::chrono::duration<double> after(static_cast<double>(sent_) / plan_.jobs_per_second);
  return started_at_ + std::chrono::duration_cast<nanoseconds>(after);
}

void Producer::send_next(std::size_t slot, Clock::time_point now) {
  const Mark mark{.number = plan_.first_number + sent_,
                  .called_at = stamp_of(Clock::now()),
                  .due_at = stamp_of(due_time())};
  EnqueueFrame& frame = frames_[slot];
  frame.refill(connection_.broker_time_ms(now), mark, random_);
  connection_.outgoing().append(frame.bytes());
  sent_ += plan_.batch;
}

void Producer::on_frame(std::string_view body, Clock::time_point now) {
  const ReplyView reply = read_reply(body);
  if (reply.id == 0) return;  // The broker's own words.
  const auto slot = static_cast<std::size_t>(reply.id - 1);
  if (reply.result != kEnqueueResult) return on_error(reply, slot, now);
  accepted_ += plan_.batch;
  if (open_loop() || sent_ == plan_.jobs) {
    free_.push_back(slot);
  } else {
    send_next(slot, now);
  }
}

void Producer::on_error(const ReplyView& reply, std::size_t slot, Clock::time_point now) {
  if (reply.error_code != kOverloadedCode) {
    throw std::runtime_error("an enqueue was refused: " + reply.error);
  }
  ++put_off_;
  again_.push_back(
      {now + std::chrono::milliseconds(std::max<std::uint64_t>(reply.retry_after_ms, 1)), slot});
}

std::optional<Clock::time_point> Producer::next_time() const {
  std::optional<Clock::time_point> next;
  if (open_loop() && sent_ < plan_.jobs && !free_.empty()) next = due_time();
  for (const Again& again : again_) next = next ? std::min(*next, again.at) : again.at;
  return next;
}

void Producer::on_time(Clock::time_point now) {
  std::erase_if(again_, [&](const Again& again) {
    if (again.at > now) return false;
    connection_.outgoing().append(frames_[again.slot].bytes());
    return true;
  });
  if (open_loop()) send_due(now);
}

void Producer::send_due(Clock::time_point now) {
  while (sent_ < plan_.jobs && !free_.empty() && due_time() <= now) {
    send_next(free_.back(), now);
    free_.pop_back();
  }
}

}  // namespace pawl::bench
