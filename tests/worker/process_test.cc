#include "worker/process.h"

#include <csignal>
#include <filesystem>
#include <future>
#include <poll.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace pawl::worker {
namespace {

using namespace std::chrono_literals;

ProcessOrder shell(std::string script) {
  ProcessOrder order;
  order.command = {"/bin/sh", "-c", std::move(script)};
  order.environment = {"PATH=/usr/bin:/bin"};
  return order;
}

std::size_t open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

TEST_CASE("a program gets its input and environment, and its output comes back",
          "[worker][process]") {
  ProcessOrder order = shell("cat; echo \" $NAME\"; echo oops >&2; exit 3");
  order.environment.push_back("NAME=value");
  order.input = "the input";
  const ProcessEnd end = run_process(order, {});
  CHECK(end.kind == ProcessEnd::Kind::exited);
  CHECK(end.code == 3);
  CHECK(end.output == "the input value\n");
  CHECK(end.errors == "oops\n");
  CHECK_FALSE(end.asked_to_stop);
}

TEST_CASE("input and output far over a pipe's size pass", "[worker][process]") {
  ProcessOrder order = shell("cat");
  const std::string input(1 << 20, 'x');
  order.input = input;
  const ProcessEnd end = run_process(order, {});
  CHECK(end.output == input);
  CHECK_FALSE(end.output_too_large);
}

TEST_CASE("a program that does not read its input does no harm", "[worker][process]") {
  ProcessOrder order = shell("exit 0");
  const std::string input(1 << 20, 'x');
  order.input = input;
  CHECK(run_process(order, {}).code == 0);
}

TEST_CASE("more output than allowed ends the program", "[worker][process]") {
  ProcessOrder order = shell("cat /dev/zero");
  const ProcessEnd end = run_process(order, {});
  CHECK(end.output_too_large);
  CHECK(end.kind == ProcessEnd::Kind::killed_by_signal);
  CHECK(end.output.size() <= order.output_bytes_max);
}

TEST_CASE("of stderr the end is kept", "[worker][process]") {
  ProcessOrder order = shell("head -c 300000 /dev/zero | tr '\\0' x >&2; echo last >&2");
  order.error_bytes_kept = 10;
  CHECK(run_process(order, {}).errors == "xxxxxlast\n");
}

TEST_CASE("death by a signal is told apart", "[worker][process]") {
  const ProcessEnd end = run_process(shell("kill -SEGV $$"), {});
  CHECK(end.kind == ProcessEnd::Kind::killed_by_signal);
  CHECK(end.code == SIGSEGV);
}

TEST_CASE("a program that is not there is no crash", "[worker][process]") {
  ProcessOrder order;
  order.command = {"/nowhere/at/all"};
  const ProcessEnd end = run_process(order, {});
  CHECK(end.kind == ProcessEnd::Kind::not_started);
  CHECK(end.code == ENOENT);
}

// The program says on stdout, through a named pipe, that it runs; then it is asked to stop.
ProcessEnd run_and_stop(const std::string& script, std::chrono::milliseconds kill_after) {
  const auto folder = std::filesystem::temp_directory_path() /
                      ("pawl-process-" + std::to_string(getpid()) + ".fifo");
  std::filesystem::remove(folder);
  REQUIRE(mkfifo(folder.c_str(), 0600) == 0);
  ProcessOrder order = shell("exec 3>" + folder.string() + "; " + script);
  order.kill_after = kill_after;
  std::stop_source stop;
  auto end = std::async(std::launch::async, [&] { return run_process(order, stop.get_token()); });
  std::FILE* ready = std::fopen(folder.c_str(), "r");
  std::fgetc(ready);
  stop.request_stop();
  ProcessEnd ended = end.get();
  std::fclose(ready);
  std::filesystem::remove(folder);
  return ended;
}

TEST_CASE("a stop is SIGTERM to the whole group", "[worker][process]") {
  const ProcessEnd end = run_and_stop("tail -f /dev/null & echo >&3; wait", 60s);
  CHECK(end.asked_to_stop);
  CHECK(end.kind == ProcessEnd::Kind::killed_by_signal);
  CHECK(end.code == SIGTERM);
}

TEST_CASE("a program may end in order when it is asked to stop", "[worker][process]") {
  const ProcessEnd end = run_and_stop(
      "trap 'echo bye; exit 0' TERM; echo >&3; while :; do tail -f /dev/null & wait; done", 60s);
  CHECK(end.asked_to_stop);
  CHECK(end.kind == ProcessEnd::Kind::exited);
  CHECK(end.code == 0);
  CHECK(end.output == "bye\n");
}

TEST_CASE("a program that ignores SIGTERM gets SIGKILL", "[worker][process]") {
  const ProcessEnd end = run_and_stop("trap '' TERM; echo >&3; while :; do :; done", 1ms);
  CHECK(end.code == SIGKILL);
}

TEST_CASE("a program that floods its output is stopped all the same", "[worker][process]") {
  const std::string to = GENERATE(">&2", "");
  const ProcessEnd end =
      run_and_stop(fmt::format("trap '' TERM; echo >&3; exec cat /dev/zero {}", to), 1ms);
  CHECK(end.code == SIGKILL);
  CHECK(end.errors.size() <= ProcessOrder().error_bytes_kept);
}

TEST_CASE("a program that has left its process group is stopped all the same",
          "[worker][process]") {
  const ProcessEnd end = run_and_stop(
      "exec perl -e 'setpgrp(0, getpgrp(getppid())); exec \"sh\", \"-c\", "
      "\"echo >&3; exec tail -f /dev/null\"'",
      60s);
  CHECK(end.kind == ProcessEnd::Kind::killed_by_signal);
  CHECK(end.code == SIGTERM);
}

TEST_CASE("where no program's end is told, none is made up", "[worker][process]") {
  signal(SIGCHLD, SIG_IGN);
  CHECK_THROWS_WITH(run_and_stop("echo >&3; exec tail -f /dev/null", 60s),
                    Catch::Matchers::Contains("SIGCHLD"));
  signal(SIGCHLD, SIG_DFL);
}

TEST_CASE("what a program leaves behind is ended with it", "[worker][process]") {
  // The child holds stdout open; waiting for its end would take for ever.
  const ProcessEnd end = run_process(shell("tail -f /dev/null & echo $!"), {});
  CHECK(end.code == 0);
  const auto pidfd = static_cast<int>(syscall(SYS_pidfd_open, std::stoi(end.output), 0));
  if (pidfd < 0) return;  // It is gone already.
  pollfd ended{pidfd, POLLIN, 0};
  CHECK(poll(&ended, 1, 20'000) == 1);
  close(pidfd);
}

TEST_CASE("runs leave no file open and no child behind", "[worker][process]") {
  const std::size_t before = open_files();
  for (int i = 0; i < 50; ++i) {
    CHECK(run_process(shell("ls /proc/self/fd | wc -l"), {}).output == "4\n");
  }
  CHECK(open_files() == before);
  CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
}

TEST_CASE("signals that this thread blocks reach the program", "[worker][process]") {
  sigset_t all;
  sigset_t old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  const ProcessEnd end = run_process(shell("kill -TERM $$; echo survived"), {});
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  CHECK(end.kind == ProcessEnd::Kind::killed_by_signal);
}

}  // namespace
}  // namespace pawl::worker
