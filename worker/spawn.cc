#include "worker/spawn.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/wait.h>

namespace pawl::worker {
namespace {

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

struct ChildOrder {
  char* const* command;
  char* const* environment;
  int input;
  int output;
  int errors;
  pid_t parent;
};

void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool place(int file, int target) {
  if (file == target) return fcntl(file, F_SETFD, 0) == 0;
  return dup2(file, target) == target;
}

// The child, which shares the parent's memory until it has become the program: it only makes system
// calls. Returns when that fails, with the errno set.
void become(const ChildOrder& order) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // A parent that has died before that line sends nothing any more.
  if (getppid() != order.parent) return;
  setpgid(0, 0);
  const bool placed = place(order.input, STDIN_FILENO) && place(order.output, STDOUT_FILENO) &&
                      place(order.errors, STDERR_FILENO);
  if (!placed || close_range(STDERR_FILENO + 1, ~0u, 0) != 0) return;
  reset_signals();
  execvpe(order.command[0], order.command, order.environment);
}

}  // namespace

// vfork instead of posix_spawn for one thing that the latter cannot do: PR_SET_PDEATHSIG. The
// parent stands still until the child has its own memory, and no signal handler runs in between.
int spawn(pid_t& pid, const SpawnOrder& order) {
  const std::vector<char*> command = pointers_to(order.command);
  const std::vector<char*> environment = pointers_to(order.environment);
  const ChildOrder child{command.data(), environment.data(), order.input,
                         order.output,   order.errors,       getpid()};
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  volatile int failure = 0;
  pid = vfork();
  if (pid == 0) {
    become(child);
    failure = errno;
    _exit(127);
  }
  if (pid < 0) {
    failure = errno;
  } else if (failure != 0) {
    waitpid(pid, nullptr, 0);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return failure;
}

}  // namespace pawl::worker
