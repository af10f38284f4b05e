#include "broker/store/read_windows.h"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

namespace pawl::test {

namespace {

using store::ReadWindows;
constexpr std::size_t kBytes = ReadWindows::kBytes;

char byte_at(std::uint64_t at) {
  return static_cast<char>(at * 2654435761U >> 13);
}

std::string bytes_of(std::uint64_t at, std::size_t bytes) {
  std::string expected(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) expected[i] = byte_at(at + i);
  return expected;
}

// Counts how often each stretch was loaded.
class CountedFile final : public ReadWindows::File {
 public:
  explicit CountedFile(std::uint64_t size) : size_(size) {}

  std::optional<std::size_t> load(std::uint64_t at, char* to) const override {
    std::unique_lock lock(mutex_);
    ++loads_[at / kBytes];
    changed_.notify_all();
    changed_.wait(lock, [this] { return !stalled_; });
    if (broken_) return std::nullopt;
    const std::size_t bytes = at < size_ ? std::min<std::uint64_t>(size_ - at, kBytes) : 0;
    for (std::size_t i = 0; i < bytes; ++i) to[i] = byte_at(at + i);
    return bytes;
  }

  int loads(std::uint64_t stretch) const {
    const std::lock_guard lock(mutex_);
    const auto found = loads_.find(stretch);
    return found == loads_.end() ? 0 : found->second;
  }
  void wait_for_load(std::uint64_t stretch) const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return loads_.count(stretch) != 0; });
  }
  void set_broken(bool broken) {
    const std::lock_guard lock(mutex_);
    broken_ = broken;
  }
  void set_stalled(bool stalled) {
    const std::lock_guard lock(mutex_);
    stalled_ = stalled;
    changed_.notify_all();
  }

 private:
  const std::uint64_t size_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable std::map<std::uint64_t, int> loads_;
  bool broken_ = false;
  bool stalled_ = false;
};

// Nothing when the windows could not give it.
std::optional<std::string> read(ReadWindows& windows, const std::shared_ptr<CountedFile>& file,
                                std::uint64_t at, std::size_t bytes,
                                ReadWindows::Bring bring = ReadWindows::Bring::missing) {
  std::string got(bytes, '\0');
  if (!windows.read(file, at, bytes, got.data(), bring)) return std::nullopt;
  return got;
}

}  // namespace

TEST_CASE("what is read in order is brought once, whatever the reads' borders",
          "[store][windows]") {
  ReadWindows windows;
  const auto file = std::make_shared<CountedFile>(20 * kBytes + 777);
  constexpr std::size_t kStep = 70'001;
  for (std::uint64_t at = 0; at + kStep < 20 * kBytes + 777; at += kStep) {
    REQUIRE(read(windows, file, at, kStep) == bytes_of(at, kStep));
  }
  for (std::uint64_t stretch = 0; stretch <= 20; ++stretch) CHECK(file->loads(stretch) == 1);
}

TEST_CASE("the next stretches come before they are asked for", "[store][windows]") {
  ReadWindows windows;
  const auto file = std::make_shared<CountedFile>(20 * kBytes);
  REQUIRE(read(windows, file, 5 * kBytes, 10));
  file->wait_for_load(6);
  file->wait_for_load(7);
  CHECK(read(windows, file, 6 * kBytes, 2 * kBytes) == bytes_of(6 * kBytes, 2 * kBytes));
  CHECK(file->loads(6) == 1);
  CHECK(file->loads(7) == 1);
  CHECK(file->loads(4) == 0);
}

TEST_CASE("a read that brings nothing takes what is there", "[store][windows]") {
  ReadWindows windows;
  const auto file = std::make_shared<CountedFile>(20 * kBytes);
  CHECK_FALSE(read(windows, file, 100, 10, ReadWindows::Bring::nothing));
  CHECK(file->loads(0) == 0);
  REQUIRE(read(windows, file, 0, 10));
  CHECK(read(windows, file, 100, 10, ReadWindows::Bring::nothing) == bytes_of(100, 10));
  CHECK(file->loads(0) == 1);
}

TEST_CASE("two files do not meet in a window", "[store][windows]") {
  ReadWindows windows;
  const auto first = std::make_shared<CountedFile>(kBytes);
  const auto second = std::make_shared<CountedFile>(10);
  CHECK(read(windows, first, 0, 20) == bytes_of(0, 20));
  CHECK_FALSE(read(windows, second, 0, 20));
  CHECK(read(windows, second, 0, 10) == bytes_of(0, 10));
}

TEST_CASE("beyond the end there is nothing", "[store][windows]") {
  ReadWindows windows;
  const auto file = std::make_shared<CountedFile>(kBytes + 5);
  CHECK(read(windows, file, kBytes - 5, 10) == bytes_of(kBytes - 5, 10));
  CHECK_FALSE(read(windows, file, kBytes - 5, 11));
  CHECK_FALSE(read(windows, file, 9 * kBytes, 1));
}

TEST_CASE("what could not be brought is tried again", "[store][windows]") {
  ReadWindows windows;
  const auto file = std::make_shared<CountedFile>(kBytes);
  file->set_broken(true);
  CHECK_FALSE(read(windows, file, 0, 10));
  file->set_broken(false);
  CHECK(read(windows, file, 0, 10) == bytes_of(0, 10));
  CHECK(file->loads(0) == 2);
}

TEST_CASE("who wants a stretch that is on its way waits for it", "[store][windows]") {
  ReadWindows windows;
  const auto file = std::make_shared<CountedFile>(kBytes / 2);
  file->set_stalled(true);
  std::optional<std::string> first;
  std::optional<std::string> second;
  std::thread one([&] { first = read(windows, file, 0, 10); });
  file->wait_for_load(0);
  std::thread two([&] { second = read(windows, file, 10, 10); });
  file->set_stalled(false);
  one.join();
  two.join();
  CHECK(first == bytes_of(0, 10));
  CHECK(second == bytes_of(10, 10));
  CHECK(file->loads(0) == 1);
}

TEST_CASE("a window that was long unused makes room", "[store][windows]") {
  ReadWindows windows;
  const auto file = std::make_shared<CountedFile>(100 * kBytes);
  for (std::uint64_t stretch = 0; stretch < 100; stretch += 3) {
    REQUIRE(read(windows, file, stretch * kBytes, 10) == bytes_of(stretch * kBytes, 10));
  }
  CHECK_FALSE(read(windows, file, 0, 10, ReadWindows::Bring::nothing));
}

}  // namespace pawl::test
