#pragma once

namespace pawl::cli {

// What the shell learns. Part of the interface: scripts branch on it.
enum class ExitCode {
  done = 0,
  failed = 1,  // Also: the job that was waited for did not complete.
  usage = 2,
  not_found = 3,
  denied = 4,
  conflict = 5,
  unavailable = 6,
  deadline = 7,
  interrupted = 130,
};

}  // namespace pawl::cli
