#include "bench/broker_process.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/wait.h>

#include "bench/clock.h"

namespace pawl::bench {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kStartWithin{120};

fs::path beside(const fs::path& directory, const char* ending) {
  return directory.string() + ending;
}

}  // namespace

BrokerProcess::BrokerProcess(const BrokerSetup& setup) {
  const fs::path port_file = beside(setup.directory, ".port");
  fs::remove(port_file);
  spawn(setup);
  try {
    wait_for_port(port_file);
  } catch (...) {
    end(SIGKILL);
    throw;
  }
}

BrokerProcess::~BrokerProcess() {
  end(SIGKILL);
}

void BrokerProcess::spawn(const BrokerSetup& setup) {
  std::vector<std::string> words{setup.program.string(),
                                 "--data-dir",
                                 setup.directory.string(),
                                 "--listen",
                                 "127.0.0.1:0",
                                 "--port-file",
                                 beside(setup.directory, ".port").string()};
  words.insert(words.end(), setup.flags.begin(), setup.flags.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::string log = beside(setup.directory, ".log").string();

  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

void BrokerProcess::wait_for_port(const fs::path& file) {
  const auto deadline = Clock::now() + kStartWithin;
  while (Clock::now() < deadline) {
    if (std::ifstream stream(file); stream >> address_.port) return;
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = 0;
      throw std::runtime_error("the broker ended at once; see " + file.stem().string() + ".log");
    }
    std::this_thread::sleep_for(milliseconds(1));
  }
  throw std::runtime_error("the broker does not listen");
}

void BrokerProcess::stop() {
  end(SIGTERM);
}

void BrokerProcess::kill_it() {
  end(SIGKILL);
}

void BrokerProcess::end(int signal) {
  if (pid_ <= 0) return;
  ::kill(pid_, signal);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  const bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (signal == SIGTERM && !clean) throw std::runtime_error("the broker did not stop cleanly");
}

double cpu_seconds_of(pid_t pid) {
  clockid_t clock = 0;
  timespec used{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) {
    throw std::runtime_error("no such process: " + std::to_string(pid));
  }
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

void wait_until_idle(pid_t pid) {
  constexpr milliseconds kGlance{250};
  constexpr double kIdleShare = 0.02;
  constexpr int kGlancesMax = 80;
  double before = cpu_seconds_of(pid);
  for (int i = 0; i < kGlancesMax; ++i) {
    std::this_thread::sleep_for(kGlance);
    const double now = cpu_seconds_of(pid);
    if (now - before < kIdleShare * std::chrono::duration<double>(kGlance).count()) return;
    before = now;
  }
}

Memory memory_of(pid_t pid) {
  Memory memory;
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; status >> word;) {
    double kib = 0;
    if (word == "VmRSS:" && status >> kib) memory.resident_mib = kib / 1024;
    if (word == "VmHWM:" && status >> kib) memory.peak_mib = kib / 1024;
  }
  return memory;
}

}  // namespace pawl::bench
