#include "broker/core/index_set.h"

#include <algorithm>

namespace pawl::core {

IndexSet IndexSet::range(std::size_t begin, std::size_t end) {
  IndexSet set;
  if (begin < end)
    set.ranges_.push_back({static_cast<JobIndex>(begin), static_cast<JobIndex>(end)});
  return set;
}

std::size_t IndexSet::count() const {
  std::size_t total = 0;
  for (const Range& range : ranges_) total += static_cast<std::size_t>(range.end - range.begin);
  return total;
}

bool IndexSet::contains(JobIndex index) const {
  const auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), index,
                       [](JobIndex value, const Range& range) { return value < range.begin; });
  return after != ranges_.begin() && index < std::prev(after)->end;
}

void IndexSet::insert_range(Range range) {
  if (range.begin >= range.end) return;
  // Everything that touches or overlaps [begin, end] melts into one range.
  auto from =
      std::lower_bound(ranges_.begin(), ranges_.end(), range.begin,
                       [](const Range& known, JobIndex value) { return known.end < value; });
  auto to = from;
  while (to != ranges_.end() && to->begin <= range.end) {
    range.begin = std::min(range.begin, to->begin);
    range.end = std::max(range.end, to->end);
    ++to;
  }
  if (from == to) {
    ranges_.insert(from, range);
    return;
  }
  *from = range;
  ranges_.erase(std::next(from), to);
}

void IndexSet::insert(const IndexSet& other) {
  if (ranges_.empty()) {
    ranges_ = other.ranges_;
    return;
  }
  for (const Range& range : other.ranges_) insert_range(range);
}

void IndexSet::erase(JobIndex index) {
  erase_range({index, static_cast<JobIndex>(index + 1)});
}

void IndexSet::erase(const IndexSet& other) {
  if (ranges_ == other.ranges_) {
    ranges_.clear();
    return;
  }
  for (const Range& range : other.ranges_) erase_range(range);
}

void IndexSet::erase_range(Range range) {
  auto at = std::upper_bound(ranges_.begin(), ranges_.end(), range.begin,
                             [](JobIndex value, const Range& known) { return value < known.end; });
  while (at != ranges_.end() && at->begin < range.end) {
    const Range known = *at;
    if (known.begin < range.begin && known.end > range.end) {
      at->end = range.begin;
      ranges_.insert(std::next(at), {range.end, known.end});
      return;
    }
    if (known.begin < range.begin) {
      at->end = range.begin;
      ++at;
    } else if (known.end > range.end) {
      at->begin = range.end;
      return;
    } else {
      at = ranges_.erase(at);
    }
  }
}

bool IndexSet::intersects(const IndexSet& other) const {
  return count_common(other) > 0;
}

std::size_t IndexSet::count_common(const IndexSet& other) const {
  std::size_t total = 0;
  auto mine = ranges_.begin();
  auto theirs = other.ranges_.begin();
  while (mine != ranges_.end() && theirs != other.ranges_.end()) {
    const JobIndex begin = std::max(mine->begin, theirs->begin);
    const JobIndex end = std::min(mine->end, theirs->end);
    if (begin < end) total += static_cast<std::size_t>(end - begin);
    if (mine->end < theirs->end) {
      ++mine;
    } else {
      ++theirs;
    }
  }
  return total;
}

IndexSet IndexSet::common(const IndexSet& other) const {
  if (ranges_ == other.ranges_) return *this;
  IndexSet both = *this;
  IndexSet mine_only = *this;
  mine_only.erase(other);
  both.erase(mine_only);
  return both;
}

bool IndexSet::includes(const IndexSet& other) const {
  return std::all_of(other.ranges_.begin(), other.ranges_.end(), [this](const Range& range) {
    return std::any_of(ranges_.begin(), ranges_.end(), [&range](const Range& known) {
      return known.begin <= range.begin && range.end <= known.end;
    });
  });
}

IndexSet IndexSet::take_first(std::size_t count) {
  IndexSet taken;
  auto at = ranges_.begin();
  while (at != ranges_.end() && count > 0) {
    const auto size = static_cast<std::size_t>(at->end - at->begin);
    if (size > count) {
      const auto split = static_cast<JobIndex>(at->begin + count);
      taken.ranges_.push_back({at->begin, split});
      at->begin = split;
      break;
    }
    taken.ranges_.push_back(*at);
    count -= size;
    ++at;
  }
  ranges_.erase(ranges_.begin(), at);
  return taken;
}

}  // namespace pawl::core
