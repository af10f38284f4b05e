#include "client/intake.h"

#include <algorithm>
#include <utility>

namespace pawl::client {

Intake::Intake(const IntakeLimits& limits, std::function<void()> wake)
    : limits_(limits), wake_(std::move(wake)), batcher_(limits.batch) {}

Result<Ticket> Intake::admit(std::size_t requests, std::size_t bytes, TimePoint deadline) {
  std::unique_lock lock(mutex_);
  const auto room = [&] { return closed_ || has_room(requests, bytes); };
  if (!room()) {
    if (deadline == TimePoint::min()) {
      return Error(Errc::overloaded, "too much is in flight in this client").set_retryable(true);
    }
    ++waiters_;
    const bool got_room = room_.wait_until(lock, deadline, room);
    --waiters_;
    if (!got_room) {
      return Error(Errc::deadline, "too much was in flight in this client until the deadline")
          .set_retryable(true);
    }
  }
  if (closed_) return Error(Errc::closed, "the client is closed");
  requests_ += requests;
  bytes_ += bytes;
  return Ticket(*this, requests, bytes);
}

bool Intake::has_room(std::size_t requests, std::size_t bytes) const {
  return requests_ == 0 ||
         (requests_ + requests <= limits_.requests_max && bytes_ + bytes <= limits_.bytes_max);
}

void Intake::release(std::size_t requests, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  requests_ -= requests;
  bytes_ -= bytes;
  if (waiters_ > 0) room_.notify_all();
}

bool Intake::add(std::unique_ptr<Call>& call) {
  std::unique_lock lock(mutex_);
  if (closed_) return false;
  calls_.push_back(std::move(call));
  const bool awake = std::exchange(awake_, true);
  lock.unlock();
  if (!awake) wake_();
  return true;
}

bool Intake::add(const Batcher::NewJob& job, Batcher::Waiting& waiting) {
  std::unique_lock lock(mutex_);
  if (closed_) return false;
  const bool expires_first = waiting.deadline < next_take_;
  batcher_.add(job, std::move(waiting));
  // What gathers behind a frame in flight needs nobody's attention yet.
  const bool awake = !(batcher_.ready() || expires_first) || std::exchange(awake_, true);
  lock.unlock();
  if (!awake) wake_();
  return true;
}

Intake::Taken Intake::take(TimePoint now) {
  Taken taken;
  const std::lock_guard lock(mutex_);
  awake_ = false;
  taken.calls.swap(calls_);
  while (auto batch = batcher_.take()) taken.batches.push_back(std::move(*batch));
  taken.expired = batcher_.expire(now);
  // A timer that is set already may stay, though nothing expires then: that saves a wake for most
  // jobs to come.
  if (next_take_ <= now) next_take_ = TimePoint::max();
  next_take_ = std::min(next_take_, batcher_.next_deadline());
  taken.next_take = next_take_;
  return taken;
}

void Intake::batch_ended(const std::string& group) {
  std::unique_lock lock(mutex_);
  batcher_.ended(group);
  const bool awake = !batcher_.ready() || std::exchange(awake_, true);
  lock.unlock();
  if (!awake) wake_();
}

void Intake::set_batch_bytes_max(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  batcher_.set_bytes_max(bytes);
}

void Intake::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  room_.notify_all();
}

std::vector<Batcher::Waiting> Intake::clear() {
  const std::lock_guard lock(mutex_);
  return batcher_.clear();
}

bool Intake::drained(TimePoint deadline) {
  std::unique_lock lock(mutex_);
  ++waiters_;
  room_.wait_until(lock, deadline, [&] { return closed_ || requests_ == 0; });
  --waiters_;
  return requests_ == 0;
}

}  // namespace pawl::client
