#include "client/cli/line_writer.h"

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pawl::cli {
namespace {

constexpr std::chrono::milliseconds kPatience{1'000};

void write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return;
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

struct LineWriter::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> lines;
  std::size_t dropped = 0;
  bool closed = false;
  bool ended = false;

  void add(std::string line);
  void write_until_closed(int file);
  std::string take();
};

void LineWriter::Shared::add(std::string line) {
  const std::lock_guard lock(mutex);
  if (closed) return;
  if (lines.size() >= kLinesMax) {
    ++dropped;
    return;
  }
  lines.push_back(std::move(line));
  changed.notify_all();
}

// Empty when it is closed and nothing is left.
std::string LineWriter::Shared::take() {
  std::unique_lock lock(mutex);
  changed.wait(lock, [this] { return closed || !lines.empty(); });
  std::string text;
  for (const std::string& line : std::exchange(lines, {})) (text += line) += '\n';
  if (const std::size_t lost = std::exchange(dropped, 0); lost > 0) {
    text += std::to_string(lost) + " lines of the log were dropped: nobody read on\n";
  }
  return text;
}

void LineWriter::Shared::write_until_closed(int file) {
  for (std::string text = take(); !text.empty(); text = take()) write_all(file, text);
  const std::lock_guard lock(mutex);
  ended = true;
  changed.notify_all();
}

LineWriter::LineWriter(int file) : LineWriter(file, kPatience) {}

LineWriter::LineWriter(int file, std::chrono::milliseconds patience)
    : shared_(std::make_shared<Shared>()),
      patience_(patience),
      thread_([shared = shared_, file] { shared->write_until_closed(file); }) {}

LineWriter::~LineWriter() {
  std::unique_lock lock(shared_->mutex);
  shared_->closed = true;
  shared_->changed.notify_all();
  const bool ended = shared_->changed.wait_for(lock, patience_, [this] { return shared_->ended; });
  lock.unlock();
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

std::function<void(std::string)> LineWriter::sink() const {
  return [shared = shared_](std::string line) { shared->add(std::move(line)); };
}

}  // namespace pawl::cli
