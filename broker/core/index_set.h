#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/container/small_vector.hpp>

#include "broker/core/types.h"

namespace pawl::core {

// Some of the jobs of one batch, as ascending, disjoint, non-adjacent ranges. Whole batches and
// single jobs, the usual cases, take no memory of their own.
class IndexSet {
 public:
  struct Range {
    JobIndex begin = 0;
    JobIndex end = 0;  // One past the last.
    friend bool operator==(const Range&, const Range&) = default;
  };

  IndexSet() = default;
  static IndexSet range(std::size_t begin, std::size_t end);
  static IndexSet single(JobIndex index) { return range(index, index + std::size_t{1}); }

  bool empty() const { return ranges_.empty(); }
  std::size_t count() const;
  bool contains(JobIndex index) const;
  // REQUIRES: not empty.
  JobIndex first() const { return ranges_.front().begin; }
  JobIndex last() const { return static_cast<JobIndex>(ranges_.back().end - 1); }

  void insert(JobIndex index) { insert_range({index, static_cast<JobIndex>(index + 1)}); }
  void insert_range(Range range);
  void insert(const IndexSet& other);
  void erase(JobIndex index);
  void erase(const IndexSet& other);

  bool intersects(const IndexSet& other) const;
  std::size_t count_common(const IndexSet& other) const;
  IndexSet common(const IndexSet& other) const;
  bool includes(const IndexSet& other) const;

  // Removes and returns the `count` smallest (all when there are fewer).
  IndexSet take_first(std::size_t count);

  const auto& ranges() const { return ranges_; }

  template <class Visitor>
  void for_each(Visitor&& visit) const {
    for (const Range& range : ranges_) {
      for (JobIndex index = range.begin; index < range.end; ++index) visit(index);
    }
  }

  friend bool operator==(const IndexSet&, const IndexSet&) = default;

 private:
  void erase_range(Range range);

  boost::container::small_vector<Range, 2> ranges_;
};

}  // namespace pawl::core
