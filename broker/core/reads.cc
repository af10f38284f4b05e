#include "broker/core/reads.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "broker/core/assert.h"

namespace pawl::core {

namespace {

using Place = std::pair<std::uint32_t, std::string_view>;  // Range and key.

// Finds the range that a key of a table falls into.
class RangeFinder {
 public:
  explicit RangeFinder(const std::vector<Range>& ranges) : ranges_(ranges) {
    order_.reserve(ranges.size());
    for (std::uint32_t i = 0; i < ranges.size(); ++i) order_.push_back(i);
    std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::pair(ranges[a].table, std::string_view(ranges[a].from)) <
             std::pair(ranges[b].table, std::string_view(ranges[b].from));
    });
    for (const Range& range : ranges) tables_ |= 1U << static_cast<unsigned>(range.table);
  }

  std::optional<std::uint32_t> find(Table table, std::string_view key) const {
    if ((tables_ & (1U << static_cast<unsigned>(table))) == 0) return std::nullopt;
    const auto after = std::upper_bound(
        order_.begin(), order_.end(), key, [&](std::string_view value, std::uint32_t i) {
          return table < ranges_[i].table || (table == ranges_[i].table && value < ranges_[i].from);
        });
    if (after == order_.begin()) return std::nullopt;
    const Range& range = ranges_[*std::prev(after)];
    if (range.table != table || key >= range.to) return std::nullopt;
    return *std::prev(after);
  }

 private:
  const std::vector<Range>& ranges_;
  std::vector<std::uint32_t> order_;
  unsigned tables_ = 0;
};

Blob value_of(const Op& op) {
  if (op.head.empty()) return op.tail;
  std::string value(op.head);
  value.append(op.tail.view());
  return Blob::copy_of(value);
}

// Later changes by place; an empty optional is an erased row.
using Later = std::map<Place, std::optional<Blob>>;

void collect(const Commit& commit, const RangeFinder& finder, const ReadAnswer& answer,
             Later& later) {
  for (const Op& op : commit.ops()) {
    const auto range = finder.find(op.table, op.key);
    if (!range) continue;
    const bool beyond =
        !answer.complete && (*range > answer.stopped_range ||
                             (*range == answer.stopped_range && op.key >= answer.stopped_key));
    if (beyond) continue;
    const bool erased = op.kind == Op::Kind::erase || op.kind == Op::Kind::erase_once;
    later[{*range, op.key}] = erased ? std::nullopt : std::optional(value_of(op));
  }
}

void merge(ReadAnswer& answer, const Later& later, View& view) {
  auto next = later.begin();
  const auto emit_later = [&] {
    if (next->second)
      view.rows.push_back({next->first.first, std::string(next->first.second), *next->second});
    ++next;
  };
  for (Row& row : answer.rows) {
    const Place place{row.range, row.key};
    while (next != later.end() && next->first < place) emit_later();
    if (next != later.end() && next->first == place) {
      emit_later();
      continue;
    }
    view.rows.push_back({row.range, std::string(row.key), std::move(row.value)});
  }
  while (next != later.end()) emit_later();
}

}  // namespace

std::uint64_t Reads::ask(Read read, Continuation then, std::uint64_t behind) {
  read.id = ++last_id_;
  if (in_flight_.count(behind) == 0) behind = 0;
  if (behind != 0) followers_[behind] = read.id;
  in_flight_.emplace(read.id, InFlight{read.ranges, std::move(then), durable_, behind, {}});
  questions_.push_back(std::move(read));
  return last_id_;
}

std::vector<Read> Reads::take_questions() {
  return std::exchange(questions_, {});
}

void Reads::sealed(std::shared_ptr<const Commit> commit) {
  kept_bytes_ += commit->bytes();
  commits_.push_back(std::move(commit));
}

void Reads::committed(CommitSeq seq) {
  durable_ = std::max(durable_, seq);
  forget_commits();
}

void Reads::forget_commits() {
  const CommitSeq floor = in_flight_.empty() ? durable_ : in_flight_.begin()->second.floor;
  while (!commits_.empty() && commits_.front()->seq <= floor) {
    kept_bytes_ -= commits_.front()->bytes();
    commits_.pop_front();
  }
}

void Reads::answer(ReadAnswer answer, const Commit& open) {
  const auto found = in_flight_.find(answer.id);
  PAWL_ASSERT(found != in_flight_.end());
  if (in_flight_.count(found->second.behind) != 0) {
    found->second.early = std::move(answer);
    return;
  }
  InFlight asked = std::move(found->second);
  PAWL_ASSERT(answer.as_of >= asked.floor);
  View view = view_of(answer, asked.ranges, open);
  in_flight_.erase(found);
  if (const auto follower = followers_.extract(answer.id)) {
    next_ = std::exchange(in_flight_.at(follower.mapped()).early, std::nullopt);
  }
  forget_commits();
  asked.then(view);
}

// The rows of the answer with everything laid over them that it does not contain.
View Reads::view_of(ReadAnswer& answer, const std::vector<Range>& ranges, const Commit& open) {
  const RangeFinder finder(ranges);
  Later later;
  for (const auto& commit : commits_) {
    if (commit->seq > answer.as_of) collect(*commit, finder, answer, later);
  }
  collect(open, finder, answer, later);
  View view;
  view.complete = answer.complete;
  view.stopped_range = answer.stopped_range;
  view.stopped_key = answer.stopped_key;
  view.rows.reserve(answer.rows.size() + later.size());
  merge(answer, later, view);
  return view;
}

}  // namespace pawl::core
