#include "client/cli/progress.h"

#include <cmath>
#include <cstdio>

#include <fmt/format.h>

#include "client/cli/duration.h"
#include "client/cli/output.h"

namespace pawl::cli {
namespace {

using namespace std::chrono_literals;
constexpr auto kRedraw = 100ms;
constexpr auto kNewLine = 5s;

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string progress_text(const ProgressState& state) {
  const auto ms = static_cast<double>(std::max<std::int64_t>(state.elapsed.count(), 1));
  const auto rate = static_cast<std::uint64_t>(static_cast<double>(state.jobs) * 1000 / ms);
  std::string text = grouped(state.jobs) + " jobs, " + grouped(rate) + "/s";
  if (!state.done_ratio || *state.done_ratio <= 0) return text;
  const double left_ms = ms * (1 - *state.done_ratio) / *state.done_ratio;
  text += fmt::format(", {:.0f} %, {} left", *state.done_ratio * 100,
                      duration_text(std::chrono::seconds(std::llround(left_ms / 1000))));
  return text;
}

ProgressLine::ProgressLine()
    : on_terminal_(stderr_on_terminal()),
      began_(Clock::now()),
      next_(began_ + (on_terminal_ ? Clock::duration(kRedraw) : Clock::duration(kNewLine))) {}

void ProgressLine::show(std::uint64_t jobs, std::optional<double> done_ratio) {
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + (on_terminal_ ? Clock::duration(kRedraw) : Clock::duration(kNewLine));
  const std::string text =
      progress_text({.jobs = jobs, .done_ratio = done_ratio, .elapsed = elapsed()});
  if (!on_terminal_) return note(text);
  const std::string line = "\r\x1b[K" + text;
  std::fwrite(line.data(), 1, line.size(), stderr);
  shown_ = true;
}

void ProgressLine::finish() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
  shown_ = false;
}

std::chrono::milliseconds ProgressLine::elapsed() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began_);
}

}  // namespace pawl::cli
