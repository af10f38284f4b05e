#include "bench/actor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <vector>

#include <sys/epoll.h>
#include <sys/prctl.h>

namespace pawl::bench {
namespace {

constexpr std::chrono::seconds kStuck{60};
constexpr std::chrono::seconds kGlance{1};  // How often progress is looked at.

class Loop {
 public:
  explicit Loop(std::span<Actor* const> actors)
      : actors_(actors), writes_(actors.size()), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    ::prctl(PR_SET_TIMERSLACK, 1UL);  // The default of 50 us would be in every latency.
    for (std::size_t i = 0; i < actors_.size(); ++i) watch(EPOLL_CTL_ADD, i);
  }

  void run() {
    moved_at_ = Clock::now();
    for (Actor* const actor : actors_) {
      actor->start(moved_at_);
      actor->connection().flush();
    }
    while (!std::ranges::all_of(actors_, &Actor::done)) turn();
  }

 private:
  void turn() {
    for (std::size_t i = 0; i < actors_.size(); ++i) {
      if (actors_[i]->connection().wants_write() != writes_[i]) watch(EPOLL_CTL_MOD, i);
    }
    std::array<epoll_event, 64> events{};
    const timespec wait = time_to_wait();
    const int ready = ::epoll_pwait2(epoll_.number(), events.data(), events.size(), &wait, nullptr);
    if (ready < 0 && errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "epoll");
    }
    const auto now = Clock::now();
    for (int i = 0; i < ready; ++i) serve(events[static_cast<std::size_t>(i)], now);
    for (Actor* const actor : actors_) {
      const auto due = actor->next_time();
      if (due && *due <= now) actor->on_time(now);
      actor->connection().flush();
    }
    check_progress(now);
  }

  void serve(const epoll_event& event, Clock::time_point now) {
    Actor& actor = *actors_[event.data.u64];
    if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) return;
    actor.connection().receive([&](std::string_view body) { actor.on_frame(body, now); });
  }

  void watch(int operation, std::size_t i) {
    writes_[i] = actors_[i]->connection().wants_write();
    epoll_event event{};
    event.events = writes_[i] ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.u64 = i;
    ::epoll_ctl(epoll_.number(), operation, actors_[i]->connection().descriptor(), &event);
  }

  timespec time_to_wait() const {
    const auto now = Clock::now();
    auto until = now + kGlance;
    for (const Actor* const actor : actors_) {
      if (const auto due = actor->next_time()) until = std::min(until, *due);
    }
    const auto wait = std::max(nanoseconds(until - now), nanoseconds(0)).count();
    return {wait / 1'000'000'000, wait % 1'000'000'000};
  }

  void check_progress(Clock::time_point now) {
    std::uint64_t progress = 0;
    for (const Actor* const actor : actors_) progress += actor->progress();
    if (progress != progress_) moved_at_ = now;
    progress_ = progress;
    if (now - moved_at_ > kStuck) throw std::runtime_error("nothing has moved for a minute");
  }

  std::span<Actor* const> actors_;
  std::vector<char> writes_;
  Descriptor epoll_;
  std::uint64_t progress_ = 0;
  Clock::time_point moved_at_;
};

}  // namespace

void run_actors(std::span<Actor* const> actors) {
  Loop(actors).run();
}

}  // namespace pawl::bench
