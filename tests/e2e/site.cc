#include "tests/e2e/site.h"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <system_error>
#include <unistd.h>

#include <sys/stat.h>

namespace pawl::test {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

using Command = std::vector<std::string>;

void append(Command& command, const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) command.push_back(argument);
}

}  // namespace

Pipe::Pipe(std::filesystem::path path) : path_(std::move(path)) {
  if (::mkfifo(path_.c_str(), 0600) != 0 ||
      (file_ = ::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0) {
    throw std::system_error(errno, std::generic_category(), path_.string());
  }
}

Pipe::~Pipe() {
  ::close(file_);
}

std::optional<std::string> Pipe::read_line(milliseconds within) {
  const auto deadline = steady_clock::now() + within;
  for (;;) {
    if (const std::size_t end = unread_.find('\n'); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    pollfd ready{.fd = file_, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) return {};
    char page[4096];
    const ssize_t size = ::read(file_, page, sizeof page);
    if (size > 0) unread_.append(page, static_cast<std::size_t>(size));
  }
}

void Pipe::write_lines(std::size_t count) {
  const std::string lines(count, '\n');
  if (::write(file_, lines.data(), lines.size()) != static_cast<ssize_t>(lines.size())) {
    throw std::system_error(errno, std::generic_category(), path_.string());
  }
}

ClientOptions Site::options() const {
  ClientOptions options;
  options.url(broker.url())
      .call_deadline(kSoon)
      .reconnect_backoff(milliseconds(5), milliseconds(100));
  return options;
}

ChildProcess Site::worker(const std::string& queue, const std::string& script,
                          const std::vector<std::string>& flags) const {
  Command command = pawl_command();
  append(command, {"worker", "exec", "--queue", queue});
  append(command, flags);
  append(command, {"--", "/bin/sh", "-c", script});
  return ChildProcess(std::move(command));
}

Finished Site::pawl(const std::vector<std::string>& arguments, std::string_view input) const {
  Command command = pawl_command();
  append(command, arguments);
  return run(std::move(command), input);
}

Finished Site::pawld(const std::vector<std::string>& arguments) const {
  Command command{PAWL_PAWLD};
  append(command, arguments);
  return run(std::move(command));
}

std::vector<std::string> Site::pawl_command() const {
  Command command{PAWL_PAWL};
  append(command, {"--server", broker.address()});
  return command;
}

}  // namespace pawl::test
