#include "client/batch_id.h"

#include <algorithm>
#include <cassert>
#include <ctime>

namespace pawl::client {

JobId BatchIds::next(std::uint64_t time_ms, std::uint16_t slot) {
  const std::uint64_t high = time_ms << 16 | 0x7000u | (slot & 0x0fffu);
  const std::uint64_t low = std::uint64_t{1} << 63 | (random_() >> 14) << 12;
  JobId::Bytes bytes;
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  }
  return JobId(bytes);
}

JobId job_of_batch(const JobId& batch, std::size_t index) {
  assert(index < 4096);
  JobId::Bytes bytes = batch.bytes();
  bytes[14] = static_cast<std::uint8_t>((bytes[14] & 0xf0u) | index >> 8);
  bytes[15] = static_cast<std::uint8_t>(index & 0xffu);
  return JobId(bytes);
}

BootClock::time_point BootClock::now() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

std::uint64_t BrokerClock::now_ms(TimePoint now) const {
  const auto passed = std::chrono::duration_cast<Milliseconds>(now - set_at_).count();
  return server_time_ms_ + static_cast<std::uint64_t>(std::max<std::int64_t>(passed, 0));
}

}  // namespace pawl::client
