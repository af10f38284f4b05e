#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>

#include "broker/store/store.h"

namespace pawl::store {

// A file that holds disk space for the day when the disk is full: it is given up when there is
// hardly any room left, so that completions can still be written, and made again when there is
// plenty. Thread-safe.
class Reserve {
 public:
  struct Options {
    std::filesystem::path file;
    std::uint64_t bytes = 0;
    std::function<Space()> space;
    std::function<void(std::string_view)> note;
  };

  explicit Reserve(Options options) : options_(std::move(options)) {}

  // Looks at the disk, gives up or makes the file as needed, and returns the space that is left
  // then.
  Space settle();

 private:
  std::uint64_t size_for(const Space& space) const;
  std::uint64_t held() const;
  void give_up(const Space& space);
  void make(std::uint64_t bytes);

  const Options options_;
  std::mutex mutex_;
};

}  // namespace pawl::store
