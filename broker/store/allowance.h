#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace pawl::store {

// How much may be written until somebody looks at the disk's space: whoever refuses new jobs by it
// must not come too late on a small disk, however fast they are written. Thread-safe.
class Allowance {
 public:
  // `least` is allowed between two looks however full the disk is.
  explicit Allowance(std::uint64_t least) : least_(least) {}

  // Somebody has looked and found so much room.
  void looked(std::uint64_t free_bytes);
  // Before so much is written. Waits for a look when what was allowed is used up; not for ever, as
  // a commit that comes late is better than none.
  void spend(std::uint64_t bytes);

 private:
  const std::uint64_t least_;
  std::mutex mutex_;
  std::condition_variable looked_;
  std::uint64_t left_ = 0;
  enum class Looks : std::uint8_t { none_yet, some } looks_ = Looks::none_yet;
};

}  // namespace pawl::store
