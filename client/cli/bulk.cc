#include "client/cli/bulk.h"

#include <deque>
#include <fstream>
#include <future>
#include <iostream>
#include <optional>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "client/cli/command_error.h"
#include "client/cli/job_line.h"
#include "client/cli/progress.h"

namespace pawl::cli {
namespace {

// Lines of one call: the client cuts them into a batch per queue of up to 1000 jobs each.
constexpr std::size_t kChunkLines = 2000;
constexpr std::size_t kChunkBytes = std::size_t{4} << 20;
constexpr std::size_t kChunksInFlight = 8;
// A broker that is busy or restarts must not end a long run.
constexpr auto kChunkDeadline = std::chrono::minutes(5);
constexpr std::size_t kErrorsListed = 1000;

struct Chunk {
  std::vector<Job> jobs;
  std::vector<std::uint64_t> lines;  // lines[i] is where jobs[i] stood.
  std::size_t bytes = 0;             // Of the lines, their ends included.
  std::future<std::vector<Enqueued>> answer;
};

class Input {
 public:
  explicit Input(const std::string& path) : is_stdin_(path == "-") {
    if (is_stdin_) return;
    file_.open(path, std::ios::binary | std::ios::ate);
    if (!file_) throw usage_error(path + " cannot be opened");
    if (const auto end = file_.tellg(); end > 0) size_ = static_cast<double>(end);
    file_.clear();
    file_.seekg(0);
  }

  bool next(std::string& line) {
    std::istream& in = is_stdin_ ? std::cin : file_;
    if (!std::getline(in, line)) {
      if (in.bad()) throw CommandError(ExitCode::failed, "the input cannot be read");
      return false;
    }
    ++number_;
    if (line.ends_with('\r')) line.pop_back();
    return true;
  }
  std::uint64_t number() const { return number_; }
  std::optional<double> ratio(double bytes) const {
    return size_ > 0 ? std::optional(std::min(1.0, bytes / size_)) : std::nullopt;
  }

 private:
  bool is_stdin_;
  std::ifstream file_;
  double size_ = 0;
  std::uint64_t number_ = 0;
};

class BulkRun {
 public:
  BulkRun(const App& app, const std::string& path, const Job& defaults)
      : client_(app.connect()), out_(app.format), input_(path), defaults_(defaults) {}

  ExitCode run() {
    while (read_chunk()) {
      if (in_flight_.size() > kChunksInFlight) settle();
      progress_.show(accepted_, input_.ratio(settled_bytes_));
    }
    while (!in_flight_.empty()) {
      settle();
      progress_.show(accepted_, input_.ratio(settled_bytes_));
    }
    progress_.finish();
    print_summary();
    return refused_ == 0 ? ExitCode::done : ExitCode::failed;
  }

 private:
  // Sends what it reads. False at the end of the input.
  bool read_chunk() {
    Chunk chunk;
    std::string line;
    bool more = true;
    while (chunk.lines.size() < kChunkLines && chunk.bytes < kChunkBytes &&
           (more = input_.next(line))) {
      chunk.bytes += line.size() + 1;
      if (line.find_first_not_of(" \t") == std::string::npos) continue;
      Result<Job> job = parse_job_line(line, defaults_);
      if (job) {
        chunk.jobs.push_back(std::move(*job));
        chunk.lines.push_back(input_.number());
      } else {
        refuse(input_.number(), job.error().code(), job.error().message());
      }
    }
    if (!chunk.jobs.empty()) {
      chunk.answer = client_->future_enqueue_many(chunk.jobs, BatchMode::per_job, kChunkDeadline);
      in_flight_.push_back(std::move(chunk));
    }
    return more;
  }

  void settle() {
    Chunk chunk = std::move(in_flight_.front());
    in_flight_.pop_front();
    const std::vector<Enqueued> answers = chunk.answer.get();
    for (std::size_t i = 0; i < answers.size(); ++i) settle(chunk.lines[i], answers[i]);
    settled_bytes_ += static_cast<double>(chunk.bytes);
  }

  void settle(std::uint64_t line, const Enqueued& answer) {
    if (!answer.accepted()) {
      const char* doubt = answer.outcome_unknown ? " (it may have been accepted)" : "";
      return refuse(line, answer.code, answer.message + doubt);
    }
    ++accepted_;
    if (out_.format() == Format::tsv) out_.print_line(answer.id.to_string());
    if (out_.format() == Format::jsonl) {
      out_.print(boost::json::object{{"line", line}, {"id", answer.id.to_string()}});
    }
  }

  void refuse(std::uint64_t line, Errc code, const std::string& message) {
    ++refused_;
    boost::json::object error{{"line", line}, {"code", name_of(code)}, {"message", message}};
    if (out_.format() == Format::jsonl) return out_.print(error);
    if (out_.format() == Format::json) {
      if (errors_.size() < kErrorsListed) errors_.push_back(std::move(error));
      return;
    }
    progress_.finish();
    note(fmt::format("error: line {}: {}", line, message));
  }

  void print_summary() {
    const double seconds = static_cast<double>(progress_.elapsed().count()) / 1000;
    if (out_.format() == Format::json) {
      return out_.print(boost::json::object{{"accepted", accepted_},
                                            {"refused", refused_},
                                            {"seconds", seconds},
                                            {"errors", std::move(errors_)}});
    }
    const std::string text =
        progress_text({.jobs = accepted_, .done_ratio = {}, .elapsed = progress_.elapsed()}) +
        fmt::format(" in {:.1f} s", seconds) +
        (refused_ > 0 ? ", " + grouped(refused_) + " lines refused" : "");
    if (out_.for_people()) {
      out_.print_line(text);
    } else {
      note(text);
    }
  }

  std::unique_ptr<Client> client_;
  Output out_;
  Input input_;
  Job defaults_;
  ProgressLine progress_;
  std::deque<Chunk> in_flight_;
  std::uint64_t accepted_ = 0;
  std::uint64_t refused_ = 0;
  double settled_bytes_ = 0;
  boost::json::array errors_;
};

}  // namespace

ExitCode enqueue_bulk(const App& app, const std::string& path, const Job& defaults) {
  return BulkRun(app, path, defaults).run();
}

}  // namespace pawl::cli
