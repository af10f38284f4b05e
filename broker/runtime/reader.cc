#include "broker/runtime/reader.h"

#include <iterator>
#include <utility>

namespace pawl::runtime {

using std::chrono::steady_clock;

Reader::Reader(Duties duties) : duties_(std::move(duties)) {
  for (std::size_t i = 0; i < kThreads; ++i) threads_.emplace_back([this] { run(); });
}

Reader::~Reader() {
  {
    const std::lock_guard lock(mutex_);
    state_ = State::ending;
  }
  asked_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Reader::ask(std::vector<EpochRead>&& reads) {
  if (reads.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    reads_.insert(reads_.end(), std::make_move_iterator(reads.begin()),
                  std::make_move_iterator(reads.end()));
  }
  asked_.notify_all();
}

void Reader::look_soon() {
  {
    const std::lock_guard lock(mutex_);
    look_at_ = {};
  }
  asked_.notify_one();
}

// One thread at a time looks.
void Reader::look_at_space() {
  {
    const std::lock_guard lock(mutex_);
    if (!is_time_to_look()) return;
    looking_ = true;
    look_at_ = steady_clock::now() + duties_.look_every;
  }
  duties_.look_at_space();
  {
    const std::lock_guard lock(mutex_);
    looking_ = false;
  }
  asked_.notify_all();
}

bool Reader::is_time_to_look() const {
  return !looking_ && steady_clock::now() >= look_at_;
}

// Nothing when it is time to look at the space.
std::optional<EpochRead> Reader::take() {
  std::unique_lock lock(mutex_);
  while (reads_.empty() && state_ == State::working && !is_time_to_look()) {
    if (looking_) {
      asked_.wait(lock);
    } else {
      asked_.wait_until(lock, look_at_);
    }
  }
  if (reads_.empty() || state_ == State::ending) return std::nullopt;
  EpochRead read = std::move(reads_.front());
  reads_.pop_front();
  return read;
}

void Reader::run() {
  while (!ending()) {
    look_at_space();
    if (std::optional<EpochRead> read = take()) duties_.answer(std::move(*read));
  }
}

bool Reader::ending() {
  const std::lock_guard lock(mutex_);
  return state_ == State::ending;
}

}  // namespace pawl::runtime
