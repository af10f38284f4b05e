#include "tests/support/history.h"

#include <fmt/format.h>

namespace pawl::test {

void History::note(std::string event) {
  if (detail_ == Detail::none) return;
  if (detail_ == Detail::all_to_stderr) fmt::print(stderr, "{}\n", event);
  events_.push_back(std::move(event));
  if (events_.size() > kEventsKept) events_.pop_front();
}

void History::broken(std::string_view rule, std::string_view what) {
  if (broken_.empty()) before_first_ = events_;
  if (broken_.size() < kBrokenMax) broken_.push_back(fmt::format("{}: {}", rule, what));
  note(fmt::format("!!! {}: {}", rule, what));
}

void History::count(std::string_view what, std::uint64_t times) {
  const auto known = tally_.find(what);
  if (known == tally_.end()) {
    tally_.emplace(what, times);
  } else {
    known->second += times;
  }
}

std::string History::report() const {
  std::string text;
  for (const std::string& event : before_first_) text += event + '\n';
  for (const std::string& what : broken_) text += "BROKEN " + what + '\n';
  return text;
}

}  // namespace pawl::test
