#include "client/window.h"

#include <algorithm>

namespace pawl::client {
namespace {

// What a broker lets a client leave unread that says nothing about it.
constexpr std::size_t kReplyBytesMax = std::size_t{8} << 20;

}  // namespace

void Window::set_bounds(const pb::HelloReply& hello) {
  bounds_ = own_;
  if (const std::size_t bound = hello.requests_in_flight_max(); bound > 0) {
    // One place is a ping's. Where there are but two, a worker's fetch and its report need them
    // more.
    bounds_.requests_max = std::min(own_.requests_max, bound > 2 ? bound - 1 : bound);
    const std::size_t half = std::max<std::size_t>(1, bounds_.requests_max / 2);
    bounds_.long_polls_max = std::min(own_.long_polls_max, half);
  }
  reply_bytes_max_ =
      hello.unread_reply_bytes_max() > 0 ? hello.unread_reply_bytes_max() : kReplyBytesMax;
}

bool Window::takes(const Load& load) const {
  if (requests_ >= bounds_.requests_max) return false;
  if (load.long_poll && long_polls_ >= bounds_.long_polls_max) return false;
  // The one that is larger than all may go alone.
  return load.reply_bytes == 0 || reply_bytes_ == 0 ||
         reply_bytes_ + load.reply_bytes <= reply_bytes_max_;
}

void Window::add(const Load& load) {
  ++requests_;
  long_polls_ += load.long_poll;
  reply_bytes_ += load.reply_bytes;
}

void Window::on_answer(const Load& load) {
  --requests_;
  long_polls_ -= load.long_poll;
  reply_bytes_ -= load.reply_bytes;
}

void Window::on_late_answer(std::uint64_t id) {
  const auto found = abandoned_.find(id);
  if (found == abandoned_.end()) return;
  on_answer(found->second);
  abandoned_.erase(found);
}

void Window::on_cut() {
  requests_ = long_polls_ = reply_bytes_ = 0;
  abandoned_.clear();
}

}  // namespace pawl::client
