#include "broker/store/read_windows.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <utility>

namespace pawl::store {

namespace {

constexpr std::align_val_t kAlignment{4096};

struct Free {
  void operator()(char* bytes) const { ::operator delete(bytes, kAlignment); }
};

std::uint64_t next_file_number() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

ReadWindows::File::File() : number(next_file_number()) {}

struct ReadWindows::Window {
  enum class State : std::uint8_t { empty, coming, there } state = State::empty;
  std::uint64_t file = 0;
  std::uint64_t number = 0;  // Of the stretch.
  std::size_t bytes = 0;
  int holders = 0;
  std::uint64_t used = 0;
  std::unique_ptr<char, Free> memory;  // From its first use on.
};

ReadWindows::ReadWindows() {
  for (auto& window : windows_) window = std::make_unique<Window>();
  thread_ = std::thread([this] { bring_what_is_ahead(); });
}

ReadWindows::~ReadWindows() {
  {
    const Lock lock(mutex_);
    ending_ = true;
  }
  asked_.notify_all();
  thread_.join();
}

bool ReadWindows::read(const std::shared_ptr<const File>& file, std::uint64_t at, std::size_t bytes,
                       char* to, Bring bring) {
  while (bytes != 0) {
    Window* window = hold({file, at / kBytes}, bring);
    if (window == nullptr) return false;
    const std::size_t from = at % kBytes;
    const std::size_t part = std::min(bytes, kBytes - from);
    const bool whole = from + part <= window->bytes;
    if (whole) std::memcpy(to, window->memory.get() + from, part);
    let_go(*window);
    if (!whole) return false;
    at += part;
    to += part;
    bytes -= part;
  }
  return true;
}

// Null when it is not there and is not to be brought, or when every window is held.
ReadWindows::Window* ReadWindows::hold(const Stretch& wanted, Bring bring) {
  Lock lock(mutex_);
  Window* window = find(wanted);
  if (window != nullptr) {
    ++window->holders;
    window->used = ++uses_;
    came_.wait(lock, [&] { return window->state != Window::State::coming; });
  } else if (bring == Bring::missing && (window = take_oldest(wanted)) != nullptr) {
    load(lock, wanted, *window);
  }
  const bool goes_on = window != nullptr && window->bytes == kBytes;
  if (goes_on && bring == Bring::missing) ask_ahead(wanted);
  return window;
}

void ReadWindows::let_go(Window& window) {
  const Lock lock(mutex_);
  --window.holders;
}

ReadWindows::Window* ReadWindows::find(const Stretch& wanted) const {
  for (const auto& window : windows_) {
    if (window->state == Window::State::empty) continue;
    if (window->file == wanted.file->number && window->number == wanted.number) return window.get();
  }
  return nullptr;
}

// Held by the caller, who has to load it; null when every window is held.
ReadWindows::Window* ReadWindows::take_oldest(const Stretch& wanted) {
  Window* oldest = nullptr;
  for (const auto& window : windows_) {
    if (window->holders != 0) continue;
    if (oldest == nullptr || window->used < oldest->used) oldest = window.get();
  }
  if (oldest == nullptr) return nullptr;
  if (!oldest->memory) {
    oldest->memory.reset(static_cast<char*>(::operator new(kBytes, kAlignment)));
  }
  oldest->state = Window::State::coming;
  oldest->file = wanted.file->number;
  oldest->number = wanted.number;
  oldest->holders = 1;
  oldest->used = ++uses_;
  return oldest;
}

void ReadWindows::load(Lock& lock, const Stretch& wanted, Window& window) {
  lock.unlock();
  const std::optional<std::size_t> bytes =
      wanted.file->load(wanted.number * kBytes, window.memory.get());
  lock.lock();
  window.bytes = bytes.value_or(0);
  window.state = bytes ? Window::State::there : Window::State::empty;
  came_.notify_all();
}

void ReadWindows::ask_ahead(const Stretch& from) {
  for (std::uint64_t i = 1; i <= kAhead; ++i) {
    const Stretch next{from.file, from.number + i};
    if (find(next) != nullptr || std::ranges::find(ahead_, next) != ahead_.end()) continue;
    ahead_.push_back(next);
    asked_.notify_one();
  }
}

void ReadWindows::bring_what_is_ahead() {
  Lock lock(mutex_);
  while (true) {
    asked_.wait(lock, [this] { return ending_ || !ahead_.empty(); });
    if (ending_) return;
    const Stretch next = std::move(ahead_.front());
    ahead_.pop_front();
    if (find(next) != nullptr) continue;
    Window* window = take_oldest(next);
    if (window == nullptr) continue;
    load(lock, next, *window);
    --window->holders;
  }
}

}  // namespace pawl::store
