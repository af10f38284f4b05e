#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <pawl/options.h>

namespace pawl::cli {

// Whether a client has a connection, as its log tells. Thread-safe.
class LinkState {
 public:
  // For ClientOptions::log(); lives as long as the client needs it.
  LogCallback listener() const {
    return [held = held_](LogLevel level, std::string_view text) {
      if (level == LogLevel::debug) return;
      const std::lock_guard lock(held->mutex);
      // A client speaks of two things: that it is connected, and why it is not.
      held->why_cut = level == LogLevel::info ? std::string() : std::string(text);
    };
  }
  // Empty while there is a connection.
  std::string why_cut() const {
    const std::lock_guard lock(held_->mutex);
    return held_->why_cut;
  }

 private:
  struct Held {
    std::mutex mutex;
    std::string why_cut;
  };
  std::shared_ptr<Held> held_ = std::make_shared<Held>();
};

}  // namespace pawl::cli
