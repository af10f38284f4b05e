#include "worker/process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <optional>
#include <poll.h>
#include <system_error>
#include <unistd.h>

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "worker/file_descriptor.h"
#include "worker/spawn.h"

namespace pawl::worker {
namespace {

using Clock = std::chrono::steady_clock;

// Of each file at a time, so that one that never runs dry keeps nothing else from being seen to.
constexpr std::size_t kReadBytes = std::size_t{64} << 10;
// What a pipe can still hold when its program has ended: 1 MiB, unless root has allowed for more.
constexpr int kReadsAtEnd = 17;

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

// stdin as a file in memory: no second pipe to serve, and a program that does not read it does no
// harm.
FileDescriptor input_file(std::string_view bytes) {
  FileDescriptor file(checked(memfd_create("pawl-payload", MFD_CLOEXEC), "memfd_create"));
  while (!bytes.empty()) {
    const ssize_t written = write(file.get(), bytes.data(), bytes.size());
    bytes.remove_prefix(static_cast<std::size_t>(checked(static_cast<int>(written), "write")));
  }
  lseek(file.get(), 0, SEEK_SET);
  return file;
}

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    checked(pipe2(ends.data(), O_CLOEXEC), "pipe2");
    read_end = FileDescriptor(ends[0]);
    write_end = FileDescriptor(ends[1]);
    fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  }
  FileDescriptor read_end;
  FileDescriptor write_end;
};

// A child from its start until it is reaped, with everything that comes out of it.
class Child {
 public:
  Child(const ProcessOrder& order, pid_t pid, FileDescriptor output, FileDescriptor errors)
      : order_(order),
        pid_(pid),
        pidfd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))),
        stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        output_(std::move(output)),
        errors_(std::move(errors)) {
    if (pidfd_.is_open() && stop_.is_open()) return;
    const int why = errno;
    send_signal(SIGKILL);
    reap();
    throw std::system_error(why, std::generic_category(), "pidfd_open or eventfd");
  }
  ~Child() {
    if (pid_ == 0) return;
    send_signal(SIGKILL);
    reap();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  ProcessEnd wait(const std::stop_token& stop) {
    const std::stop_callback wake(stop, [this] {
      const std::uint64_t one = 1;
      static_cast<void>(!write(stop_.get(), &one, sizeof one));
    });
    while (!step()) {
    }
    // What is left of the group must not write on while its last words are read.
    kill(-pid_, SIGKILL);
    for (int i = 0; i < kReadsAtEnd && (output_.is_open() || errors_.is_open()); ++i) {
      read_output();
      read_errors();
    }
    if (const int failure = reap()) {
      throw std::system_error(failure, std::generic_category(),
                              "the program's end is not known (is SIGCHLD ignored?)");
    }
    return std::move(end_);
  }

 private:
  // Waits for whatever comes next; true when the program has ended.
  bool step() {
    std::array<pollfd, 4> files{{{pidfd_.get(), POLLIN, 0},
                                 {end_.asked_to_stop ? -1 : stop_.get(), POLLIN, 0},
                                 {output_.get(), POLLIN, 0},
                                 {errors_.get(), POLLIN, 0}}};
    const int ready = poll(files.data(), files.size(), poll_timeout());
    if (ready < 0 && errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "poll");
    if (kill_at_ && Clock::now() >= *kill_at_) kill_now();
    if (ready <= 0) return false;
    if (files[1].revents != 0) ask_to_stop();
    if (files[2].revents != 0) read_output();
    if (files[3].revents != 0) read_errors();
    return files[0].revents != 0;
  }

  int poll_timeout() const {
    if (!kill_at_) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*kill_at_ - Clock::now()).count();
    return static_cast<int>(std::max<std::int64_t>(left, 0));
  }

  void ask_to_stop() {
    end_.asked_to_stop = true;
    send_signal(SIGTERM);
    kill_at_ = Clock::now() + order_.kill_after;
  }

  void kill_now() {
    kill_at_.reset();
    send_signal(SIGKILL);
  }

  // To the group, and to the program by itself if it has left that: never twice, for the second
  // SIGTERM means "at once" to many. Both ids are the program's until this has waited for it, so
  // that the signal meets no stranger.
  void send_signal(int signal) const {
    kill(-pid_, signal);
    if (getpgid(pid_) != pid_) kill(pid_, signal);
  }

  // Reads some of what is there; closes the file at its end.
  static void read_some(FileDescriptor& file, const std::function<void(std::string_view)>& take) {
    if (!file.is_open()) return;
    std::array<char, kReadBytes> buffer;
    const ssize_t bytes = read(file.get(), buffer.data(), buffer.size());
    if (bytes > 0) {
      take({buffer.data(), static_cast<std::size_t>(bytes)});
    } else if (bytes == 0 || (errno != EAGAIN && errno != EINTR)) {
      file.reset();
    }
  }

  void read_output() {
    read_some(output_, [this](std::string_view bytes) {
      if (end_.output_too_large) return;
      if (end_.output.size() + bytes.size() > order_.output_bytes_max) {
        end_.output_too_large = true;
        return kill_now();
      }
      end_.output += bytes;
    });
  }

  void read_errors() {
    read_some(errors_, [this](std::string_view bytes) {
      end_.errors += bytes;
      if (end_.errors.size() > 2 * order_.error_bytes_kept + kReadBytes) keep_last_errors();
    });
  }

  void keep_last_errors() {
    if (end_.errors.size() > order_.error_bytes_kept) {
      end_.errors.erase(0, end_.errors.size() - order_.error_bytes_kept);
    }
  }

  // Waits for its end. 0, or the errno when the system does not tell of it.
  int reap() {
    siginfo_t info{};
    int failed = 0;
    do {
      failed = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) == 0 ? 0 : errno;
    } while (failed == EINTR);
    pid_ = 0;
    if (failed != 0) return failed;
    end_.kind =
        info.si_code == CLD_EXITED ? ProcessEnd::Kind::exited : ProcessEnd::Kind::killed_by_signal;
    end_.code = info.si_status;
    keep_last_errors();
    return 0;
  }

  const ProcessOrder& order_;
  pid_t pid_;
  FileDescriptor pidfd_;
  FileDescriptor stop_;
  FileDescriptor output_;
  FileDescriptor errors_;
  std::optional<Clock::time_point> kill_at_;
  ProcessEnd end_;
};

}  // namespace

ProcessEnd run_process(const ProcessOrder& order, const std::stop_token& stop) {
  FileDescriptor input = input_file(order.input);
  Pipe output;
  Pipe errors;
  pid_t pid = 0;
  const int failure = spawn(pid, {.command = order.command,
                                  .environment = order.environment,
                                  .input = input.get(),
                                  .output = output.write_end.get(),
                                  .errors = errors.write_end.get()});
  if (failure != 0) {
    ProcessEnd end;
    end.kind = ProcessEnd::Kind::not_started;
    end.code = failure;
    return end;
  }
  input.reset();
  output.write_end.reset();
  errors.write_end.reset();
  return Child(order, pid, std::move(output.read_end), std::move(errors.read_end)).wait(stop);
}

}  // namespace pawl::worker
