#include "client/cli/suggest.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace pawl::cli {
namespace {

constexpr std::size_t kMistakesMax = 2;

// How many characters must be put in, taken out or replaced to make one of the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string_view closest(std::string_view mistyped, std::span<const std::string_view> names) {
  std::string_view best;
  std::size_t least = kMistakesMax + 1;
  for (const std::string_view name : names) {
    const std::size_t mistakes = distance(mistyped, name);
    // A short name is not like everything.
    if (mistakes < least && mistakes * 2 < name.size()) {
      best = name;
      least = mistakes;
    }
  }
  return best;
}

}  // namespace pawl::cli
