#include "broker/log_sink.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <poll.h>
#include <unistd.h>

#include <fmt/format.h>
#include <spdlog/details/log_msg.h>

namespace pawl {

void LogSink::sink_it_(const spdlog::details::log_msg& message) {
  if (dropped_ > 0) {
    const std::string note =
        fmt::format("{} lines of the log were dropped: nobody read on", dropped_);
    if (!put(spdlog::details::log_msg({}, spdlog::level::warn, note))) {
      ++dropped_;
      return;
    }
    dropped_ = 0;
  }
  if (!put(message)) ++dropped_;
}

bool LogSink::put(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t line;
  formatter_->format(message, line);
  if (in_line_ && !put(std::string_view("\n"))) return false;
  in_line_ = false;
  return put(std::string_view(line.data(), line.size()));
}

// A pipe that takes any bytes takes PIPE_BUF of them at once.
bool LogSink::put(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!takes_more()) return false;
    const ssize_t written =
        ::write(file_, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
    if (written < 0 && errno != EINTR) return false;
    if (written <= 0) continue;
    bytes.remove_prefix(static_cast<std::size_t>(written));
    in_line_ = !bytes.empty();
  }
  return true;
}

bool LogSink::takes_more() const {
  pollfd file{.fd = file_, .events = POLLOUT, .revents = 0};
  return ::poll(&file, 1, 0) > 0 && (file.revents & POLLOUT) != 0;
}

}  // namespace pawl
