#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "client/batcher.h"
#include "client/call.h"
#include "client/ticket.h"

namespace pawl::client {

struct IntakeLimits {
  std::size_t requests_max = 100'000;
  std::size_t bytes_max = std::size_t{64} << 20;
  BatchLimits batch;
};

// Where the callers' threads hand their calls to the connection's thread, and where they are held
// back: the bound of what is in flight counts from here until the answer. Thread-safe.
class Intake final : private Room {
 public:
  // `wake` tells the connection's thread that something can be taken; it is called on any thread,
  // without a lock.
  Intake(const IntakeLimits& limits, std::function<void()> wake);

  // Room for so much. A call that alone is over the bound gets it when nothing else is in flight.
  // Waits until `deadline`; TimePoint::min() does not wait. Fails with `overloaded`, `deadline` or
  // `closed`.
  Result<Ticket> admit(std::size_t requests, std::size_t bytes, TimePoint deadline);

  // False when the intake is closed; then the second argument is left as it was.
  bool add(std::unique_ptr<Call>& call);
  bool add(const Batcher::NewJob& job, Batcher::Waiting& waiting);

  // For the connection's thread.
  struct Taken {
    std::vector<std::unique_ptr<Call>> calls;
    std::vector<Batcher::Batch> batches;
    std::vector<Batcher::Waiting> expired;
    TimePoint next_take = TimePoint::max();  // When something that still gathers may expire.
  };
  Taken take(TimePoint now);
  void batch_ended(const std::string& group);
  void set_batch_bytes_max(std::size_t bytes);

  // From now on nothing is admitted or added, and nobody waits any more.
  void close();
  std::vector<Batcher::Waiting> clear();

  // Waits until nothing is in flight, or the intake is closed; tells whether nothing is.
  bool drained(TimePoint deadline);

 private:
  bool has_room(std::size_t requests, std::size_t bytes) const;
  void release(std::size_t requests, std::size_t bytes) override;

  const IntakeLimits limits_;
  const std::function<void()> wake_;
  std::mutex mutex_;
  std::condition_variable room_;
  Batcher batcher_;
  std::vector<std::unique_ptr<Call>> calls_;
  std::size_t requests_ = 0;
  std::size_t bytes_ = 0;
  std::size_t waiters_ = 0;
  TimePoint next_take_ = TimePoint::max();  // What take() has told.
  bool awake_ = false;                      // The connection's thread knows already.
  bool closed_ = false;
};

}  // namespace pawl::client
