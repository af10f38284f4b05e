#pragma once

#include <chrono>
#include <cstdint>
#include <random>

#include <pawl/job.h>

namespace pawl::client {

// Makes ids of batches:  time_ms:48 version:4=7 slot:12 variant:2=0b10 random:50 index:12=0.
// Not thread-safe.
class BatchIds {
 public:
  explicit BatchIds(std::uint64_t seed) : random_(seed) {}

  JobId next(std::uint64_t time_ms, std::uint16_t slot);

 private:
  std::mt19937_64 random_;
};

// The id of the index-th job of a batch. REQUIRES: index < 4096.
JobId job_of_batch(const JobId& batch, std::size_t index);

// The time since this machine's start. It goes on while the machine sleeps, as the broker's does.
struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;

  static time_point now();
};

// The broker's timeline as the client knows it: what the broker has told last, and what has passed
// since.
class BrokerClock {
 public:
  using TimePoint = BootClock::time_point;

  void set(std::uint64_t server_time_ms, TimePoint now) {
    server_time_ms_ = server_time_ms;
    set_at_ = now;
  }
  std::uint64_t now_ms(TimePoint now) const;

 private:
  std::uint64_t server_time_ms_ = 0;
  TimePoint set_at_{};
};

}  // namespace pawl::client
