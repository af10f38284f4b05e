#include "worker/pool.h"

#include <pthread.h>
#include <signal.h>
#include <system_error>
#include <thread>
#include <utility>

namespace pawl::worker {
namespace {

// Signals are for the threads of the program, not for those that run handlers.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

void Pool::start_thread(std::function<void()> work) {
  std::thread(std::move(work)).detach();
}

std::vector<std::shared_ptr<Run>> Pool::add(std::vector<std::shared_ptr<Run>> runs) {
  std::unique_lock lock(mutex_);
  for (std::shared_ptr<Run>& run : runs) runs_.push_back(std::move(run));
  wake_one(lock);
  if (threads_ > 0) return {};
  std::deque<std::shared_ptr<Run>> stranded = std::exchange(runs_, {});
  return {stranded.begin(), stranded.end()};
}

std::vector<FinishedRun> Pool::take_finished() {
  const std::unique_lock lock(mutex_);
  announced_ = false;
  return std::exchange(finished_, {});
}

void Pool::close() {
  const std::unique_lock lock(mutex_);
  closed_ = true;
  runs_.clear();
  wake_.notify_all();
}

bool Pool::join(TimePoint deadline) {
  std::unique_lock lock(mutex_);
  return ended_.wait_until(lock, deadline, [this] { return threads_ == 0; });
}

// One at a time: who is woken wakes the next, if there is still something to do.
void Pool::wake_one(std::unique_lock<std::mutex>& lock) {
  if (runs_.empty() || waking_) return;
  if (idle_ > 0) {
    waking_ = true;
    wake_.notify_one();
  } else if (threads_ < threads_max_) {
    waking_ = true;
    spawn(lock);
  }
}

void Pool::spawn(std::unique_lock<std::mutex>& /*lock*/) {
  const SignalsBlocked blocked;
  try {
    start_([self = shared_from_this()] { self->work(); });
    ++threads_;
  } catch (const std::system_error&) {
    // Too many threads for this system: those that there are will do, if there are any.
    waking_ = false;
  }
}

void Pool::work() {
  std::unique_lock lock(mutex_);
  waking_ = false;
  while (const std::shared_ptr<Run> run = take(lock)) {
    lock.unlock();
    Outcome outcome = run_handler(*run);
    lock.lock();
    finished_.push_back({.slot = run->slot, .outcome = std::move(outcome)});
  }
  if (--threads_ == 0) ended_.notify_all();
}

// Nothing when the pool is closed.
std::shared_ptr<Run> Pool::take(std::unique_lock<std::mutex>& lock) {
  if (runs_.empty()) announce_finished();
  while (runs_.empty() && !closed_) {
    ++idle_;
    wake_.wait(lock);
    --idle_;
    waking_ = false;
  }
  if (closed_) return nullptr;
  std::shared_ptr<Run> run = std::move(runs_.front());
  runs_.pop_front();
  wake_one(lock);
  // Nobody else will come by soon and speak for what has finished.
  if (runs_.empty()) announce_finished();
  return run;
}

void Pool::announce_finished() {
  if (closed_ || announced_ || finished_.empty()) return;
  announced_ = true;
  announce_();
}

}  // namespace pawl::worker
