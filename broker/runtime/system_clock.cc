#include "broker/runtime/system_clock.h"

#include <ctime>

namespace pawl::runtime {

namespace {

std::int64_t read_ms(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

}  // namespace

SystemClock::SystemClock() : offset_ms_(read_ms(CLOCK_REALTIME) - read_ms(CLOCK_BOOTTIME)) {}

core::Now SystemClock::now() {
  const std::int64_t at = read_ms(CLOCK_BOOTTIME) + offset_ms_.load(std::memory_order_relaxed);
  return {core::Timestamp{core::Milliseconds{at}},
          core::WallTime{core::Milliseconds{read_ms(CLOCK_REALTIME)}}};
}

void SystemClock::continue_from(core::Timestamp last) {
  const std::int64_t behind = (last - now().at).count();
  if (behind > 0) offset_ms_.fetch_add(behind, std::memory_order_relaxed);
}

}  // namespace pawl::runtime
