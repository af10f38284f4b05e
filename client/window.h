#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "proto/pawl.pb.h"

namespace pawl::client {

// What a request weighs until the broker has answered it.
struct Load {
  bool long_poll = false;
  std::size_t reply_bytes = 0;  // What the answer may come to, where it may be large.
};

struct WindowBounds {
  std::size_t requests_max = 0;
  std::size_t long_polls_max = 0;  // Of those.
};

// What is on the wire of one connection without an answer, and whether more may go. Beyond its
// bounds a broker reads nothing, not even a ping, and what a client asked for and then leaves
// unread gets it cut off: so what does not fit waits here. Pure.
class Window {
 public:
  // What a client may have in flight as long as the broker allows more.
  explicit Window(const WindowBounds& own) : own_(own), bounds_(own) {}

  // The broker's bounds, for the connection that it has greeted.
  void set_bounds(const pb::HelloReply& hello);

  bool takes(const Load& load) const;
  bool empty() const { return requests_ == 0; }

  void add(const Load& load);
  void on_answer(const Load& load);
  // Nobody waits for this answer any more. The broker is still to give it, so it keeps its place.
  void abandon(std::uint64_t id, const Load& load) { abandoned_.emplace(id, load); }
  void on_late_answer(std::uint64_t id);
  // Nothing will be answered.
  void on_cut();

 private:
  WindowBounds own_;
  WindowBounds bounds_;
  std::size_t reply_bytes_max_ = 0;
  std::size_t requests_ = 0;
  std::size_t long_polls_ = 0;
  std::size_t reply_bytes_ = 0;
  std::map<std::uint64_t, Load> abandoned_;
};

}  // namespace pawl::client
