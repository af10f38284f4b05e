#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace pawl::cli {

// What a progress line says. Pure.
struct ProgressState {
  std::uint64_t jobs = 0;
  std::optional<double> done_ratio;  // 0 to 1, when the end is known.
  std::chrono::milliseconds elapsed{};
};

// "12,000 jobs, 40,000/s, 45 %, 3s left"
std::string progress_text(const ProgressState& state);
// 1234567 as "1,234,567".
std::string grouped(std::uint64_t number);

// The progress of a long command on stderr: rewritten in place on a terminal, else a line each 5 s.
class ProgressLine {
 public:
  using Clock = std::chrono::steady_clock;

  ProgressLine();
  void show(std::uint64_t jobs, std::optional<double> done_ratio);
  // Clears the line on a terminal.
  void finish();
  std::chrono::milliseconds elapsed() const;

 private:
  bool on_terminal_;
  bool shown_ = false;
  Clock::time_point began_;
  Clock::time_point next_;
};

}  // namespace pawl::cli
