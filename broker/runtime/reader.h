#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "broker/runtime/group_commit.h"

namespace pawl::runtime {

// Threads that answer the engine's reads, taken up in their order, and look at the disk's space
// once in a while. Two, since most of a read from a disk is waiting and copying.
class Reader {
 public:
  struct Duties {
    std::function<void(EpochRead&&)> answer;
    std::function<void()> look_at_space;
    std::chrono::milliseconds look_every{1000};
  };

  explicit Reader(Duties duties);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  void ask(std::vector<EpochRead>&& reads);
  // Looks at the space before its time.
  void look_soon();

 private:
  static constexpr std::size_t kThreads = 2;

  void run();
  std::optional<EpochRead> take();
  void look_at_space();
  bool is_time_to_look() const;
  bool ending();

  const Duties duties_;
  std::mutex mutex_;
  std::condition_variable asked_;
  std::deque<EpochRead> reads_;
  std::chrono::steady_clock::time_point look_at_{};
  bool looking_ = false;
  enum class State : std::uint8_t { working, ending } state_ = State::working;
  std::vector<std::thread> threads_;
};

}  // namespace pawl::runtime
