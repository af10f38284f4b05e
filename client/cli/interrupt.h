#pragma once

#include <csignal>

namespace pawl::cli {

// While one lives, the first Ctrl-C is a wish that whoever works may fulfil in its own time; the
// second one ends the process. One at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool wished() const;
  // Becomes readable with the wish, and stays so.
  int event() const { return event_; }

 private:
  int event_;
  struct sigaction before_ {};
};

}  // namespace pawl::cli
