#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace pawl::test {

// What has happened in a run, for people: the last events, and the rules that were broken.
class History {
 public:
  explicit History(std::size_t kept = 60) : kept_(kept) {}

  void note(std::string event) {
    events_.push_back(std::move(event));
    if (events_.size() > kept_) events_.pop_front();
  }

  // `rule` is the number of an invariant in reference/reliability.md, section 3.
  void broken(std::string_view rule, std::string_view what);

  bool ok() const { return broken_.empty(); }
  const std::vector<std::string>& all_broken() const { return broken_; }

  // The broken rules, and the events before the first of them.
  std::string report() const;

 private:
  static constexpr std::size_t kBrokenMax = 20;

  std::size_t kept_;
  std::deque<std::string> events_;
  std::deque<std::string> before_first_;
  std::vector<std::string> broken_;
};

}  // namespace pawl::test
