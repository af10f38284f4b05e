#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bench/clock.h"
#include "bench/random.h"

namespace pawl::bench {

inline constexpr std::size_t kPayloadBytes = 256;
inline constexpr std::string_view kJobType = "bench.job";

// What the first bytes of a payload say; the rest of it is random.
struct Mark {
  std::uint64_t number = 0;     // Of the job in its run.
  std::uint64_t called_at = 0;  // stamp_of() the enqueue call,
  std::uint64_t due_at = 0;     // and of when the schedule wanted it.
};
Mark mark_of(std::string_view payload);

// An Enqueue request of a fixed shape, encoded once; each use writes a fresh id and payloads into
// it. Sent again as it stands it is the same batch.
class EnqueueFrame {
 public:
  struct Shape {
    std::uint64_t request_id = 1;
    std::string queue;
    std::size_t jobs = 1;
  };
  explicit EnqueueFrame(const Shape& shape);

  // `first` is the mark of the first job; the others' numbers follow.
  void refill(std::uint64_t time_ms, const Mark& first, RandomBytes& random);

  std::size_t jobs() const { return jobs_; }
  std::string_view bytes() const { return frame_; }

 private:
  std::size_t jobs_;
  std::uint16_t slot_;
  std::string frame_;
  std::size_t id_at_ = 0;
  std::size_t first_payload_at_ = 0;
};

}  // namespace pawl::bench
