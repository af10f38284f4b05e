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

bool Reader::ending() {
  const std::lock_guard lock(mutex_);
  return state_ == State::ending;
}

void Reader::run() {
  auto look_at = steady_clock::now();
  std::vector<EpochRead> reads;
  while (!ending()) {
    if (steady_clock::now() >= look_at) {
      duties_.look_at_space();
      look_at = steady_clock::now() + duties_.look_every;
    }
    {
      std::unique_lock lock(mutex_);
      asked_.wait_until(lock, look_at,
                        [this] { return !reads_.empty() || state_ == State::ending; });
      reads.swap(reads_);
    }
    for (EpochRead& read : reads) duties_.answer(std::move(read));
    reads.clear();
  }
}

}  // namespace pawl::runtime
