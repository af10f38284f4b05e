#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "broker/runtime/group_commit.h"

namespace pawl::runtime {

// A thread that answers the engine's reads in their order, and looks at the disk's space once in a
// while.
class Reader {
 public:
  struct Duties {
    std::function<void(EpochRead&&)> answer;
    std::function<void()> look_at_space;
    std::chrono::milliseconds look_every{1000};
  };

  explicit Reader(Duties duties) : duties_(std::move(duties)), thread_([this] { run(); }) {}
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  void ask(std::vector<EpochRead>&& reads);
  // Looks at the space before its time.
  void look_soon();

 private:
  void run();
  bool is_time_to_look();

  const Duties duties_;
  std::mutex mutex_;
  std::condition_variable asked_;
  std::vector<EpochRead> reads_;
  std::chrono::steady_clock::time_point look_at_{};
  enum class State : std::uint8_t { working, ending } state_ = State::working;
  std::thread thread_;
};

}  // namespace pawl::runtime
