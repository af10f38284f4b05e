#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "bench/clock.h"
#include "bench/connection.h"

namespace pawl::bench {

// One connection's side of a workload. The loop calls it; it never blocks.
class Actor {
 public:
  virtual ~Actor() = default;

  virtual Connection& connection() = 0;
  virtual void start(Clock::time_point now) = 0;
  virtual void on_frame(std::string_view body, Clock::time_point now) = 0;
  // When on_time() is wanted next.
  virtual std::optional<Clock::time_point> next_time() const { return std::nullopt; }
  virtual void on_time(Clock::time_point) {}
  virtual bool done() const = 0;
  // Grows while the actor gets on; tells a slow run from a stuck one.
  virtual std::uint64_t progress() const = 0;
};

// Runs all of them on this thread until each is done. Throws std::runtime_error when nothing moves
// for a minute.
void run_actors(std::span<Actor* const> actors);

}  // namespace pawl::bench
