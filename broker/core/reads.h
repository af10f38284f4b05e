#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "broker/core/changes.h"
#include "broker/core/types.h"

namespace pawl::core {

// What a read found, as of now: the store's rows with everything laid over them that was changed
// since.
struct View {
  struct Row {
    std::uint32_t range = 0;
    std::string key;
    Blob value;
  };
  std::vector<Row> rows;  // By range, then key.
  bool complete = true;   // No bound was hit.
  // Otherwise: the range in which the answer stopped, and its first key that was not looked at.
  std::uint32_t stopped_range = 0;
  std::string stopped_key;
};

// Reads under way, and the commits that their answers may not contain yet.
class Reads {
 public:
  using Continuation = std::function<void(View& view)>;

  // `then` runs when the answer has come, with the rows as of that moment; when `behind` is under
  // way, not before the answer to it. REQUIRES: ranges do not overlap; one read at most stands
  // behind another.
  std::uint64_t ask(Read read, Continuation then, std::uint64_t behind = 0);

  // Questions to hand to the store.
  std::vector<Read> take_questions();

  std::size_t in_flight() const { return in_flight_.size(); }
  std::size_t kept_bytes() const { return kept_bytes_; }  // Of commits.

  void sealed(std::shared_ptr<const Commit> commit);
  void committed(CommitSeq seq);

  // `open`: the commit that is being gathered.
  void answer(ReadAnswer answer, const Commit& open);

  // What came before its turn and has it now, to be given to answer().
  std::optional<ReadAnswer> take_next() { return std::exchange(next_, std::nullopt); }

 private:
  struct InFlight {
    std::vector<Range> ranges;
    Continuation then;
    CommitSeq floor = 0;  // The answer contains at least this commit.
    std::uint64_t behind = 0;
    std::optional<ReadAnswer> early;  // It came before its turn.
  };

  void forget_commits();
  View view_of(ReadAnswer& answer, const std::vector<Range>& ranges, const Commit& open);

  std::uint64_t last_id_ = 0;
  CommitSeq durable_ = 0;
  std::map<std::uint64_t, InFlight> in_flight_;
  std::map<std::uint64_t, std::uint64_t> followers_;  // Who stands behind whom.
  std::optional<ReadAnswer> next_;
  std::vector<Read> questions_;
  std::deque<std::shared_ptr<const Commit>> commits_;
  std::size_t kept_bytes_ = 0;
};

}  // namespace pawl::core
