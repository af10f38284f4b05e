#include "tests/support/broker_process.h"

#include <csignal>
#include <fstream>
#include <poll.h>
#include <stdexcept>
#include <unistd.h>
#include <utility>

#include <sys/inotify.h>

namespace pawl::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kStartWithin{20};

// Tells when something is moved into a directory.
class Watch {
 public:
  explicit Watch(const std::filesystem::path& directory) : file_(::inotify_init1(IN_CLOEXEC)) {
    ::inotify_add_watch(file_, directory.c_str(), IN_MOVED_TO);
  }
  ~Watch() { ::close(file_); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // False when the program has ended or the time is up.
  bool wait(int end_event, milliseconds within) const {
    pollfd events[] = {{.fd = file_, .events = POLLIN, .revents = 0},
                       {.fd = end_event, .events = POLLIN, .revents = 0}};
    return ::poll(events, 2, static_cast<int>(within.count())) > 0 && events[0].revents != 0;
  }

 private:
  int file_;
};

}  // namespace

BrokerProcess::BrokerProcess(std::string program, std::filesystem::path directory,
                             std::vector<std::string> flags)
    : program_(std::move(program)),
      data_(directory / "data"),
      port_file_(directory / "port"),
      flags_(std::move(flags)) {
  start();
}

void BrokerProcess::start() {
  const auto deadline = steady_clock::now() + kStartWithin;
  // Once it has had its port, somebody else may hold it for a moment.
  do {
    if (wait_for_port()) return;
  } while (port_ != "0" && steady_clock::now() < deadline);
  throw std::runtime_error("the broker does not start: " + log());
}

std::vector<std::string> BrokerProcess::command() const {
  std::vector<std::string> command{program_,  "--data-dir",  data_.string(), "--listen",
                                   address(), "--port-file", port_file_};
  command.insert(command.end(), flags_.begin(), flags_.end());
  return command;
}

// The machine's own disk may be nearly full; a flag wins over this.
std::vector<std::string> BrokerProcess::variables_and(std::vector<std::string> more) const {
  more.insert(more.end(), variables_.begin(), variables_.end());
  more.emplace_back("PAWL_STORAGE__MIN_FREE=1KiB");
  return more;
}

bool BrokerProcess::wait_for_port() {
  std::filesystem::remove(port_file_);
  const Watch watch(port_file_.parent_path());
  child_.reset();
  child_.emplace(command(), std::string_view(), variables_and({}));
  if (!watch.wait(child_->end_event(), kStartWithin)) return false;
  std::ifstream(port_file_) >> port_;
  return true;
}

void BrokerProcess::launch(std::vector<std::string> variables) {
  child_.reset();
  child_.emplace(command(), std::string_view(), variables_and(std::move(variables)));
}

void BrokerProcess::kill() {
  child_->signal(SIGKILL);
  child_->wait(std::chrono::seconds(5));
}

std::optional<int> BrokerProcess::stop(milliseconds within) {
  child_->signal(SIGTERM);
  return child_->wait(within);
}

}  // namespace pawl::test
