#include "client/cli/line_reader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <poll.h>
#include <system_error>
#include <unistd.h>

#include "client/cli/command_error.h"

namespace pawl::cli {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} << 10;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

LineReader::~LineReader() {
  close(file_);
}

LineReader::Got LineReader::next(std::string& line, Patience patience) {
  while (!interrupt_->wished()) {
    if (take_line(line)) return Got::line;
    if (ended_) break;
    if (!wait_for_bytes(patience)) return Got::nothing;
    if (!interrupt_->wished()) read_more();
  }
  return Got::end;
}

bool LineReader::take_line(std::string& line) {
  const std::string_view rest = std::string_view(buffer_).substr(at_);
  const std::size_t end = rest.find('\n', searched_);
  if (end != std::string_view::npos) {
    assign(line, rest.substr(0, end));
    at_ += end + 1;
    return true;
  }
  searched_ = rest.size();
  if (!ended_ || rest.empty()) return false;
  assign(line, rest);
  at_ = buffer_.size();
  return true;
}

void LineReader::assign(std::string& line, std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (number_ == 0 && text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  line.assign(text);
  searched_ = 0;
  ++number_;
}

// False when nothing came within the patience.
bool LineReader::wait_for_bytes(Patience patience) const {
  std::array<pollfd, 2> files = {pollfd{.fd = file_, .events = POLLIN, .revents = 0},
                                 pollfd{.fd = interrupt_->event(), .events = POLLIN, .revents = 0}};
  const int timeout = patience == Patience::brief ? static_cast<int>(kBrief.count()) : -1;
  return poll(files.data(), files.size(), timeout) != 0;
}

void LineReader::read_more() {
  buffer_.erase(0, at_);
  at_ = 0;
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kReadBytes);
  const ssize_t bytes = read(file_, buffer_.data() + before, kReadBytes);
  const int error = errno;
  buffer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(bytes, 0)));
  ended_ = bytes == 0;
  if (bytes < 0 && error != EINTR && error != EAGAIN) {
    throw CommandError(ExitCode::failed,
                       "the input cannot be read: " + std::generic_category().message(error));
  }
}

}  // namespace pawl::cli
