#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
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

  // `then` runs when the answer has come, with the rows as of that moment. REQUIRES: ranges do not
  // overlap.
  void ask(Read read, Continuation then);

  // Questions to hand to the store.
  std::vector<Read> take_questions();

  std::size_t in_flight() const { return in_flight_.size(); }
  std::size_t kept_bytes() const { return kept_bytes_; }  // Of commits.

  void sealed(std::shared_ptr<const Commit> commit);
  void committed(CommitSeq seq);

  // `open`: the commit that is being gathered.
  void answer(const ReadAnswer& answer, const Commit& open);

 private:
  struct InFlight {
    std::vector<Range> ranges;
    Continuation then;
    CommitSeq floor = 0;  // The answer contains at least this commit.
  };

  void forget_commits();

  std::uint64_t last_id_ = 0;
  CommitSeq durable_ = 0;
  std::map<std::uint64_t, InFlight> in_flight_;
  std::vector<Read> questions_;
  std::deque<std::shared_ptr<const Commit>> commits_;
  std::size_t kept_bytes_ = 0;
};

}  // namespace pawl::core
