#pragma once

#include <cstddef>
#include <mutex>
#include <string_view>

#include <spdlog/sinks/base_sink.h>

namespace pawl {

// Writes lines to a file without ever waiting for whoever reads it: those for which there is no
// room are dropped and counted, and the next one that finds room says how many. Whoever logs may be
// an I/O thread, or end the process. Nobody else writes much into the same pipe.
class LogSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit LogSink(int file) : file_(file) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

  bool put(const spdlog::details::log_msg& message);
  bool put(std::string_view bytes);
  bool takes_more() const;

  const int file_;
  std::size_t dropped_ = 0;
  bool in_line_ = false;  // Some of a line is written, the rest found no room.
};

}  // namespace pawl
