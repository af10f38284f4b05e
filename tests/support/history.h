#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pawl::test {

// What has happened in a run, for people: the last events, and the rules that were broken.
class History {
 public:
  // Events cost time to put into words: nobody listens in a first run, and a failed one is run
  // again.
  enum class Detail : std::uint8_t { none, last_events, all_to_stderr };
  explicit History(Detail detail) : detail_(detail) {}

  bool listens() const { return detail_ != Detail::none; }
  void note(std::string event);

  // `rule` is the number of an invariant in reference/reliability.md, section 3.
  void broken(std::string_view rule, std::string_view what);

  // What came to pass how often: a run that never met a thing has not tested it.
  using Tally = std::map<std::string, std::uint64_t, std::less<>>;
  void count(std::string_view what, std::uint64_t times = 1);
  const Tally& tally() const { return tally_; }

  bool ok() const { return broken_.empty(); }
  const std::vector<std::string>& all_broken() const { return broken_; }

  // The broken rules, and the events before the first of them.
  std::string report() const;

 private:
  static constexpr std::size_t kBrokenMax = 20;
  static constexpr std::size_t kEventsKept = 80;

  const Detail detail_;
  std::deque<std::string> events_;
  std::deque<std::string> before_first_;
  std::vector<std::string> broken_;
  Tally tally_;
};

}  // namespace pawl::test
