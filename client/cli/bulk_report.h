#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <boost/json/array.hpp>

#include "client/cli/output.h"
#include "client/cli/progress.h"
#include <pawl/error.h>

namespace pawl::cli {

// Tells what became of each line of a bulk file, in the format that was asked for: see kBulkHelp.
// The lines come in their order.
class BulkReport {
 public:
  explicit BulkReport(Format format) : out_(format) {}

  void accepted(std::uint64_t line, const JobId& id);
  void refused(std::uint64_t line, Errc code, const std::string& message);
  // What was told reaches whoever reads it.
  void flush();
  // How far the run is; nothing when the end is not known.
  void show_progress(std::optional<double> done_ratio) { progress_.show(accepted_, done_ratio); }
  // Why nothing goes on; for people who wait.
  void waiting(const std::string& why);
  void finish();

  std::uint64_t accepted_count() const { return accepted_; }
  std::uint64_t refused_count() const { return refused_; }

 private:
  // Neighbouring lines that are refused for the same reason are told together.
  struct Refused {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::string message;
  };

  void tell_refused();
  void finish_json(double seconds);

  Output out_;
  ProgressLine progress_;
  std::uint64_t accepted_ = 0;
  std::uint64_t refused_ = 0;
  std::optional<Refused> untold_;
  boost::json::array errors_;
};

// What each format gives, for --help.
inline constexpr const char* kBulkHelp =
    "What --bulk prints, in the order of the file:\n"
    "  -o tsv    for each accepted job its id, a tab and its line; the default when piped\n"
    "  -o jsonl  for each line an object: line and id, or line, code and message\n"
    "  -o json   one object at the end: accepted, refused, seconds, jobs (line and id of each),\n"
    "            errors (line, code and message; the first 1000)\n"
    "  -o table  a summary; the default on a terminal\n"
    "With tsv and table, the lines that were refused stand on stderr.\n";

}  // namespace pawl::cli
