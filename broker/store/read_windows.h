#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

namespace pawl::store {

// Memory for stretches of files that are read in order: each is brought from the disk as a whole,
// the next ones while this one is read. A few for all files together, used again and again.
// Thread-safe; who wants a stretch that is on its way waits for it.
class ReadWindows {
 public:
  // Of a stretch; each starts at a multiple of it. A disk gives nearly all it can at this size.
  static constexpr std::size_t kBytes = 1 << 20;

  class File {
   public:
    File();
    virtual ~File() = default;
    // Fills `to`, which is aligned to a page, with what is there from `at` on: less than kBytes at
    // the end of the file. Nothing when it cannot be read. Called from any thread.
    virtual std::optional<std::size_t> load(std::uint64_t at, char* to) const = 0;

    const std::uint64_t number;  // No other file of this process has it, ever.
  };

  ReadWindows();
  ~ReadWindows();
  ReadWindows(const ReadWindows&) = delete;
  ReadWindows& operator=(const ReadWindows&) = delete;

  enum class Bring : std::uint8_t { missing, nothing };
  // False when the bytes cannot be had whole; `to` may have been written to.
  bool read(const std::shared_ptr<const File>& file, std::uint64_t at, std::size_t bytes, char* to,
            Bring bring);

 private:
  struct Window;
  struct Stretch {
    std::shared_ptr<const File> file;
    std::uint64_t number = 0;

    bool operator==(const Stretch&) const = default;
  };
  using Lock = std::unique_lock<std::mutex>;
  static constexpr std::uint64_t kAhead = 2;
  // Two threads read; each is in one and leaves one, and what is ahead has to have room.
  static constexpr std::size_t kWindows = 8;

  Window* hold(const Stretch& wanted, Bring bring);
  void let_go(Window& window);
  Window* find(const Stretch& wanted) const;
  Window* take_oldest(const Stretch& wanted);
  void load(Lock& lock, const Stretch& wanted, Window& window);
  void ask_ahead(const Stretch& from);
  void bring_what_is_ahead();

  std::mutex mutex_;
  std::condition_variable came_;
  std::condition_variable asked_;
  std::array<std::unique_ptr<Window>, kWindows> windows_;
  std::deque<Stretch> ahead_;  // Asked for.
  std::uint64_t uses_ = 0;
  bool ending_ = false;
  std::thread thread_;  // Last: it uses the others.
};

}  // namespace pawl::store
