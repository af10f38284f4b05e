#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace pawl::cli {

// Writes lines to a file from a thread of its own, so that whoever has something to say never waits
// for whoever reads it: a reader that has stopped costs lines, which are counted, and nothing else.
// Thread-safe.
class LineWriter {
 public:
  static constexpr std::size_t kLinesMax = 1000;  // That wait to be written.

  explicit LineWriter(int file);
  // Waits for what is unwritten as long as that.
  LineWriter(int file, std::chrono::milliseconds patience);
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  void add(std::string line) { sink()(std::move(line)); }
  // add() for those who may outlive this; their lines are dropped then.
  std::function<void(std::string)> sink() const;

 private:
  struct Shared;

  std::shared_ptr<Shared> shared_;  // A thread that is stuck keeps it when this is gone.
  std::chrono::milliseconds patience_;
  std::thread thread_;
};

}  // namespace pawl::cli
