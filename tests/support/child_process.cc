#include "tests/support/child_process.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <poll.h>
#include <stdexcept>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace pawl::test {
namespace {

constexpr std::chrono::seconds kRunWithin{20};

int check(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

// A file without a name never blocks the writer, as a pipe would that nobody reads.
int memory_file(std::string_view bytes) {
  const int file = check(::memfd_create("stream", MFD_CLOEXEC), "memfd_create");
  for (std::size_t done = 0; done < bytes.size();) {
    done += static_cast<std::size_t>(
        check(static_cast<int>(::write(file, bytes.data() + done, bytes.size() - done)), "write"));
  }
  ::lseek(file, 0, SEEK_SET);
  return file;
}

std::string read_whole(int file) {
  std::string bytes;
  char page[4096];
  for (;;) {
    const ssize_t size = ::pread(file, page, sizeof page, static_cast<off_t>(bytes.size()));
    if (size <= 0) return bytes;
    bytes.append(page, static_cast<std::size_t>(size));
  }
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment_with(std::vector<std::string> variables) {
  for (char** entry = environ; *entry != nullptr; ++entry) variables.emplace_back(*entry);
  return variables;
}

// Between fork and exec: nothing here may allocate.
[[noreturn]] void become(char* const* command, char* const* environment, int in, int out, int err) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::execve(command[0], command, environment);
  ::_exit(127);
}

}  // namespace

ChildProcess::ChildProcess(std::vector<std::string> command, std::string_view input,
                           std::vector<std::string> variables)
    : out_(memory_file({})), err_(memory_file({})) {
  const int in = memory_file(input);
  std::vector<std::string> environment = environment_with(std::move(variables));
  const std::vector<char*> arguments = pointers(command);
  const std::vector<char*> entries = pointers(environment);
  pid_ = check(::fork(), "fork");
  if (pid_ == 0) become(arguments.data(), entries.data(), in, out_, err_);
  ::close(in);
  // glibc 2.36 declares pidfd_open() so that C++ cannot link to it.
  end_event_ = check(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)), "pidfd_open");
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      end_event_(std::exchange(other.end_event_, -1)),
      out_(std::exchange(other.out_, -1)),
      err_(std::exchange(other.err_, -1)),
      status_(other.status_) {}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  if (!status_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  for (const int file : {end_event_, out_, err_}) ::close(file);
}

void ChildProcess::signal(int number) const {
  if (!status_) ::kill(pid_, number);
}

std::optional<int> ChildProcess::wait(std::chrono::milliseconds within) {
  if (status_) return status_;
  pollfd ended{.fd = end_event_, .events = POLLIN, .revents = 0};
  if (::poll(&ended, 1, static_cast<int>(within.count())) <= 0) return std::nullopt;
  int status = 0;
  check(::waitpid(pid_, &status, 0), "waitpid");
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

std::string ChildProcess::out() const {
  return read_whole(out_);
}

std::string ChildProcess::err() const {
  return read_whole(err_);
}

Finished run(std::vector<std::string> command, std::string_view input,
             std::vector<std::string> variables) {
  const std::string name = command.front();
  ChildProcess child(std::move(command), input, std::move(variables));
  const auto status = child.wait(kRunWithin);
  if (!status) throw std::runtime_error(name + " takes too long: " + child.err());
  return {*status, child.out(), child.err()};
}

}  // namespace pawl::test
