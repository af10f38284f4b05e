#pragma once

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

namespace pawl::worker {

// A program to be run once.
struct ProcessOrder {
  std::vector<std::string> command;      // The program is found by PATH.
  std::vector<std::string> environment;  // "NAME=value"; all of it.
  std::string_view input;                // What the program finds on stdin.
  std::size_t output_bytes_max = std::size_t{1} << 20;
  std::size_t error_bytes_kept = std::size_t{16} << 10;
  std::chrono::milliseconds kill_after{5'000};  // From SIGTERM to SIGKILL when it shall stop.
};

struct ProcessEnd {
  enum class Kind { exited, killed_by_signal, not_started };

  Kind kind = Kind::exited;
  int code = 0;  // The exit status, the signal, or the errno of the start.
  std::string output;
  std::string errors;  // The last bytes of stderr.
  bool output_too_large = false;
  bool asked_to_stop = false;
};

// Runs it in a process group of its own and waits for its end. Leaves neither a zombie nor a file
// open; if this process dies, so does the program. Throws std::system_error when the system lacks
// what that takes (files, memory), and with ECHILD when this process ignores SIGCHLD: then the
// system tells of no program's end.
ProcessEnd run_process(const ProcessOrder& order, const std::stop_token& stop);

}  // namespace pawl::worker
