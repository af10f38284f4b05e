#include "client/cli/interrupt.h"

#include <atomic>
#include <cstdint>
#include <unistd.h>

#include <sys/eventfd.h>

#include "client/cli/command_error.h"

namespace pawl::cli {
namespace {

std::atomic<int> wished_event = -1;
std::atomic<bool> is_wished = false;

void on_signal(int /*number*/) {
  if (is_wished.exchange(true)) _exit(static_cast<int>(ExitCode::interrupted));
  const std::uint64_t one = 1;
  // It cannot fail in a way that matters: the flag is set.
  [[maybe_unused]] const auto written = write(wished_event, &one, sizeof one);
}

}  // namespace

Interrupt::Interrupt() : event_(eventfd(0, EFD_CLOEXEC)) {
  if (event_ < 0) throw CommandError(ExitCode::failed, "there are no files left to open");
  is_wished = false;
  wished_event = event_;
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, &before_);
}

Interrupt::~Interrupt() {
  sigaction(SIGINT, &before_, nullptr);
  close(event_);
}

bool Interrupt::wished() const {
  return is_wished;
}

}  // namespace pawl::cli
