#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "broker/core/changes.h"
#include "broker/store/row_arena.h"

namespace pawl::store {

// Collects the rows of one answer until a bound of the question is reached. At least one row always
// fits.
class AnswerRows {
 public:
  explicit AnswerRows(const core::Read& read) : read_(read), arena_(std::make_shared<RowArena>()) {
    answer_.id = read.id;
  }

  // False when a bound leaves no room for the row; the answer then says that it stopped before it.
  bool add(std::uint32_t range, std::string_view key, std::string_view value) {
    const std::size_t size = key.size() + value.size();
    const bool full = answer_.rows.size() >= read_.rows_max || bytes_ + size > read_.bytes_max;
    if (full && !answer_.rows.empty()) {
      answer_.complete = false;
      answer_.stopped_range = range;
      answer_.stopped_key = key;
      return false;
    }
    bytes_ += size;
    const std::string_view kept_key = arena_->keep(key);
    answer_.rows.push_back({range, kept_key, keep(value)});
    return true;
  }

  core::ReadAnswer take(core::CommitSeq as_of) {
    answer_.as_of = as_of;
    answer_.owner = arena_;
    return std::move(answer_);
  }

 private:
  core::Blob keep(std::string_view value) {
    if (value.size() >= core::kOwnMemoryBytes) return core::Blob::copy_of(value);
    return {arena_, arena_->keep(value)};
  }

  const core::Read& read_;
  std::shared_ptr<RowArena> arena_;
  core::ReadAnswer answer_;
  std::size_t bytes_ = 0;
};

}  // namespace pawl::store
