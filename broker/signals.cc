#include "broker/signals.h"

#include <csignal>
#include <cstdlib>
#include <string_view>

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

namespace pawl {
namespace {

[[noreturn]] void end_process() {
  spdlog::critical("it takes too long to stop; ending, start again to read what is on the disk");
  std::_Exit(1);
}

}  // namespace

Signals::Signals() : signals_(context_, SIGTERM, SIGINT), end_(context_) {
  signals_.async_wait([this](const boost::system::error_code& cancelled, int signal) {
    if (!cancelled) on_signal(signal);
  });
  thread_ = std::thread([this] {
    const auto work = boost::asio::make_work_guard(context_);
    context_.run();
  });
}

Signals::~Signals() {
  context_.stop();
  thread_.join();
}

void Signals::wait() {
  std::unique_lock lock(mutex_);
  if (stage_ == Stage::starting) stage_ = Stage::serving;
  asked_.wait(lock, [this] { return stage_ == Stage::stopping; });
}

void Signals::on_signal(int signal) {
  const std::string_view name = signal == SIGINT ? "SIGINT" : "SIGTERM";
  signals_.clear();  // The second one has its default effect again.
  const std::lock_guard lock(mutex_);
  if (stage_ == Stage::starting) {
    spdlog::info("ending on {} before it has started", name);
    std::_Exit(0);
  }
  spdlog::info("stopping on {}; a second signal ends at once", name);
  stage_ = Stage::stopping;
  asked_.notify_all();
}

void Signals::end_process_after(std::chrono::milliseconds time) {
  boost::asio::post(context_, [this, time] {
    end_.expires_after(time);
    end_.async_wait([](const boost::system::error_code& cancelled) {
      if (!cancelled) end_process();
    });
  });
}

}  // namespace pawl
