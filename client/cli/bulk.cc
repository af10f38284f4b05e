#include "client/cli/bulk.h"

#include <algorithm>
#include <deque>
#include <fcntl.h>
#include <future>
#include <optional>
#include <unistd.h>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>
#include <sys/stat.h>

#include "client/cli/command_error.h"
#include "client/cli/interrupt.h"
#include "client/cli/job_line.h"
#include "client/cli/line_reader.h"
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

int open_input(const std::string& path) {
  const int file = path == "-" ? dup(STDIN_FILENO) : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw usage_error(path + " cannot be opened");
  return file;
}

// Of a regular file; 0 for what has no end that is known.
double size_of(const std::string& path) {
  struct stat found {};
  const bool regular = path != "-" && stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode);
  return regular ? static_cast<double>(found.st_size) : 0;
}

class BulkRun {
 public:
  BulkRun(const App& app, const std::string& path, const Job& defaults)
      : client_(app.connect()),
        out_(app.format),
        input_(open_input(path), interrupt_),
        size_(size_of(path)),
        defaults_(defaults) {}

  ExitCode run() {
    while (read_chunk()) {
      if (in_flight_.size() > kChunksInFlight) settle();
      show_progress();
    }
    while (!in_flight_.empty()) {
      settle();
      show_progress();
    }
    progress_.finish();
    print_summary();
    if (interrupt_.wished()) return ExitCode::interrupted;
    return refused_ == 0 ? ExitCode::done : ExitCode::failed;
  }

 private:
  // Sends what it reads, as soon as the input pauses or there is enough. False at the end of the
  // input.
  bool read_chunk() {
    Chunk chunk;
    std::string line;
    auto got = LineReader::Got::line;
    while (chunk.lines.size() < kChunkLines && chunk.bytes < kChunkBytes) {
      const bool idle = chunk.jobs.empty() && in_flight_.empty();
      got = input_.next(line, idle ? LineReader::Patience::endless : LineReader::Patience::brief);
      if (got == LineReader::Got::line) {
        add(chunk, line);
      } else if (got == LineReader::Got::nothing && chunk.jobs.empty()) {
        settle();  // Whoever writes to the pipe may wait for these.
        out_.flush();
      } else {
        break;
      }
    }
    if (!chunk.jobs.empty()) {
      chunk.answer = client_->future_enqueue_many(chunk.jobs, BatchMode::per_job, kChunkDeadline);
      in_flight_.push_back(std::move(chunk));
    }
    return got != LineReader::Got::end;
  }

  void add(Chunk& chunk, const std::string& line) {
    chunk.bytes += line.size() + 1;
    if (line.find_first_not_of(" \t") == std::string::npos) return;
    Result<Job> job = parse_job_line(line, defaults_);
    if (!job) return refuse(input_.number(), job.error().code(), job.error().message());
    chunk.jobs.push_back(std::move(*job));
    chunk.lines.push_back(input_.number());
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
      std::string message = answer.message;
      if (answer.outcome_unknown) {
        message += fmt::format(" (it may have been accepted as {})", answer.id.to_string());
      }
      return refuse(line, answer.code, message);
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

  void show_progress() {
    progress_.show(accepted_,
                   size_ > 0 ? std::optional(std::min(1.0, settled_bytes_ / size_)) : std::nullopt);
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

  Interrupt interrupt_;
  std::unique_ptr<Client> client_;
  Output out_;
  LineReader input_;
  double size_;
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
