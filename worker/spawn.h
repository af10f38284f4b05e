#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace pawl::worker {

// What a new program is made of.
struct SpawnOrder {
  const std::vector<std::string>& command;      // The program is found by PATH.
  const std::vector<std::string>& environment;  // "NAME=value"; all of it.
  int input = -1;
  int output = -1;
  int errors = -1;
};

// Starts a program in a process group of its own, with these three files and no other, and with no
// signal blocked or ignored. It gets SIGKILL when the calling thread ends: stay until it has ended.
// Returns 0 or the errno of the failure.
int spawn(pid_t& pid, const SpawnOrder& order);

}  // namespace pawl::worker
