#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pawl::bench {

// Which jobs of a run have been delivered; every payload bears its job's number.
class Ledger {
 public:
  explicit Ledger(std::uint64_t jobs) : jobs_(jobs), seen_((jobs + 63) / 64) {}

  void record(std::uint64_t number) {
    if (number >= jobs_) {
      ++foreign_;
      return;
    }
    const std::uint64_t bit = std::uint64_t{1} << (number % 64);
    std::uint64_t& word = seen_[static_cast<std::size_t>(number / 64)];
    if ((word & bit) != 0) {
      ++doubled_;
      return;
    }
    word |= bit;
    ++delivered_;
  }

  std::uint64_t jobs() const { return jobs_; }
  std::uint64_t delivered() const { return delivered_; }  // Different ones.
  std::uint64_t lost() const { return jobs_ - delivered_; }
  std::uint64_t doubled() const { return doubled_; }
  std::uint64_t foreign() const { return foreign_; }  // Of no job of this run.

 private:
  std::uint64_t jobs_;
  std::uint64_t delivered_ = 0;
  std::uint64_t doubled_ = 0;
  std::uint64_t foreign_ = 0;
  std::vector<std::uint64_t> seen_;
};

}  // namespace pawl::bench
