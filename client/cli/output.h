#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "client/cli/table.h"

namespace pawl::cli {

enum class Format {
  automatic,  // A table on a terminal, else tab-separated.
  table,
  tsv,
  json,
  jsonl,  // One object a line, for lists.
};

// Where a command's answer goes: stdout, and nothing else goes there.
class Output {
 public:
  // Finds out whether stdout is a terminal, and how wide.
  explicit Output(Format format);

  bool for_programs() const { return format_ == Format::json || format_ == Format::jsonl; }
  bool for_people() const { return format_ == Format::table; }
  Format format() const { return format_; }
  bool on_terminal() const { return on_terminal_; }

  void print(const Table& table) const;
  void print(const boost::json::value& value) const;
  // A list: one object under `name`, or with jsonl its elements line by line.
  void print_list(std::string_view name, boost::json::array elements) const;
  // Bytes as they are; a terminal gets neither control characters nor a line without an end.
  void print_bytes(std::string_view bytes) const;
  void print_line(std::string_view line) const;
  // What was printed reaches whoever reads it, even if the process is interrupted.
  void flush() const;

 private:
  Format format_;
  bool on_terminal_;
  std::size_t width_;
};

// stderr, for what people should know while a command runs.
void note(std::string_view line);
bool stderr_on_terminal();

}  // namespace pawl::cli
