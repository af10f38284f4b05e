#include "broker/store/allowance.h"

#include <algorithm>
#include <chrono>

namespace pawl::store {

namespace {

constexpr std::chrono::seconds kPatience{1};
// What is written goes into the log, and later into a file.
constexpr std::uint64_t kTimesWritten = 2;

}  // namespace

void Allowance::looked(std::uint64_t free_bytes) {
  {
    const std::lock_guard lock(mutex_);
    left_ = std::max(free_bytes, least_);
    looks_ = Looks::some;
  }
  looked_.notify_all();
}

void Allowance::spend(std::uint64_t bytes) {
  std::unique_lock lock(mutex_);
  if (looks_ == Looks::none_yet) return;
  looked_.wait_for(lock, kPatience, [&] { return left_ != 0; });
  left_ -= std::min(left_, bytes * kTimesWritten);
}

}  // namespace pawl::store
