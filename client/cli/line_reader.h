#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "client/cli/interrupt.h"

namespace pawl::cli {

// The lines of an open file, which may be a pipe that somebody writes to now and then.
class LineReader {
 public:
  enum class Patience {
    brief,  // As long as a writer takes that is at it.
    endless,
  };
  enum class Got { line, nothing, end };

  // Takes the file over.
  LineReader(int file, const Interrupt& interrupt) : file_(file), interrupt_(&interrupt) {}
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // The next line without its end, and the first one without a byte order mark. An interrupt is
  // the end too. Throws CommandError when the file
  // cannot be read.
  Got next(std::string& line, Patience patience);
  std::uint64_t number() const { return number_; }  // Of the last line; the first is 1.

  static constexpr std::chrono::milliseconds kBrief{10};

 private:
  bool take_line(std::string& line);
  void assign(std::string& line, std::string_view text);
  bool wait_for_bytes(Patience patience) const;
  void read_more();

  int file_;
  const Interrupt* interrupt_;
  std::string buffer_;
  std::size_t at_ = 0;        // Where the next line begins.
  std::size_t searched_ = 0;  // Up to here there is no end of that line.
  std::uint64_t number_ = 0;
  bool ended_ = false;
};

}  // namespace pawl::cli
