#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <unistd.h>

namespace pawl::test {

// An empty directory of its own, gone with the object.
class TempDirectory {
 public:
  TempDirectory()
      : path_(std::filesystem::temp_directory_path() /
              ("pawl-test-" + std::to_string(::getpid()) + "-" + std::to_string(next()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  static int next() {
    static std::atomic<int> count{0};
    return count++;
  }

  std::filesystem::path path_;
};

}  // namespace pawl::test
