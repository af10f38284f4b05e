#include "broker/runtime/reader.h"

#include <iterator>
#include <utility>

namespace pawl::runtime {

using std::chrono::steady_clock;

Reader::~Reader() {
  {
    const std::lock_guard lock(mutex_);
    state_ = State::ending;
  }
  asked_.notify_one();
  thread_.join();
}

void Reader::ask(std::vector<EpochRead>&& reads) {
  if (reads.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    reads_.insert(reads_.end(), std::make_move_iterator(reads.begin()),
                  std::make_move_iterator(reads.end()));
  }
  asked_.notify_one();
}

void Reader::look_soon() {
  {
    const std::lock_guard lock(mutex_);
    look_at_ = {};
  }
  asked_.notify_one();
}

bool Reader::is_time_to_look() {
  const auto now = steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (now < look_at_) return false;
  look_at_ = now + duties_.look_every;
  return true;
}

void Reader::run() {
  std::vector<EpochRead> reads;
  for (;;) {
    if (is_time_to_look()) duties_.look_at_space();
    {
      std::unique_lock lock(mutex_);
      while (reads_.empty() && state_ == State::working && steady_clock::now() < look_at_) {
        asked_.wait_until(lock, look_at_);
      }
      if (state_ == State::ending) return;
      reads.swap(reads_);
    }
    for (EpochRead& read : reads) duties_.answer(std::move(read));
    reads.clear();
  }
}

}  // namespace pawl::runtime
