#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

namespace pawl::simulation {

using Micros = std::chrono::microseconds;

// Virtual time: what is to happen, in order. Events of the same moment run in the order in which
// they were added.
class EventQueue {
 public:
  Micros now() const { return now_; }
  std::uint64_t executed() const { return executed_; }

  void after(Micros delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
  void at(Micros when, std::function<void()> what) {
    events_.emplace(std::pair(std::max(when, now_), ++added_), std::move(what));
  }

  // How long nothing happens.
  Micros until_next() const {
    return events_.empty() ? Micros::max() : events_.begin()->first.first - now_;
  }

  // False when there is nothing left to happen.
  bool run_next() {
    if (events_.empty()) return false;
    auto event = events_.extract(events_.begin());
    now_ = event.key().first;
    ++executed_;
    event.mapped()();
    return true;
  }

 private:
  Micros now_{0};
  std::uint64_t added_ = 0;
  std::uint64_t executed_ = 0;
  std::map<std::pair<Micros, std::uint64_t>, std::function<void()>> events_;
};

}  // namespace pawl::simulation
