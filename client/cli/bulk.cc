#include "client/cli/bulk.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <future>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>

#include "client/cli/bulk_report.h"
#include "client/cli/command_error.h"
#include "client/cli/duration.h"
#include "client/cli/input.h"
#include "client/cli/interrupt.h"
#include "client/cli/job_line.h"
#include "client/cli/line_reader.h"
#include "client/cli/link_state.h"
#include "client/cli/wording.h"

namespace pawl::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Lines of one call: the client cuts them into a batch per queue of up to 1000 jobs each.
constexpr std::size_t kChunkLines = 2000;
constexpr std::size_t kChunkBytes = std::size_t{4} << 20;
constexpr std::size_t kChunksInFlight = 8;
// Without --timeout. A broker that is busy or restarts must not end a long run.
constexpr Milliseconds kPatience = 1min;
// How often people are told why nothing goes on.
constexpr Milliseconds kWaitingFirst = 1s;
constexpr Milliseconds kWaitingAgain = 5s;

struct Refusal {
  Errc code = Errc::ok;
  std::string message;
};

struct Line {
  std::uint64_t number = 0;
  std::optional<Refusal> refusal;  // Nothing: it is the next one of the chunk's jobs.
};

struct Chunk {
  std::vector<Job> jobs;
  std::vector<Line> lines;
  std::size_t bytes = 0;                      // Of the lines, their ends included.
  std::future<std::vector<Enqueued>> answer;  // Only when there are jobs.
};

// Of a regular file; 0 for what has no end that is known.
double size_of(const std::string& path) {
  struct stat found {};
  const bool regular = path != "-" && stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode);
  return regular ? static_cast<double>(found.st_size) : 0;
}

bool may_pass(Errc code) {
  switch (code) {
    case Errc::overloaded:
    case Errc::disk_full:
    case Errc::unavailable:
    case Errc::deadline:
    case Errc::connection:
      return true;
    default:
      return false;
  }
}

class BulkRun {
 public:
  BulkRun(const App& app, const std::string& path, const Job& defaults)
      : server_(app.shown_server()),
        patience_(app.timeout.value_or(kPatience)),
        report_(app.format),
        input_(open_input(path), interrupt_),
        client_(app.connect(link_.listener())),
        size_(size_of(path)),
        defaults_(defaults) {}

  ExitCode run() {
    while (!gave_up_ && read_chunk()) {
      if (in_flight_.size() > kChunksInFlight) settle();
    }
    while (!in_flight_.empty()) settle();
    report_.finish();
    if (gave_up_) throw gave_up();
    if (interrupt_.wished()) return ExitCode::interrupted;
    return report_.refused_count() == 0 ? ExitCode::done : ExitCode::failed;
  }

 private:
  // Sends what it reads, as soon as the input pauses or there is enough. False at the end of the
  // input.
  bool read_chunk() {
    Chunk chunk;
    std::string line;
    auto got = LineReader::Got::line;
    while (chunk.lines.size() < kChunkLines && chunk.bytes < kChunkBytes) {
      const bool idle = chunk.lines.empty() && in_flight_.empty();
      got = input_.next(line, idle ? LineReader::Patience::endless : LineReader::Patience::brief);
      if (got == LineReader::Got::line) {
        add(chunk, line);
      } else if (got == LineReader::Got::nothing && chunk.lines.empty()) {
        settle();  // Whoever writes to the pipe may wait for these.
        report_.flush();
        if (gave_up_) return false;
      } else {
        break;
      }
    }
    at_end_ = got == LineReader::Got::end;
    if (!chunk.jobs.empty()) {
      chunk.answer = client_->future_enqueue_many(chunk.jobs, BatchMode::per_job, patience_);
    }
    if (!chunk.lines.empty()) in_flight_.push_back(std::move(chunk));
    return !at_end_;
  }

  void add(Chunk& chunk, const std::string& text) {
    chunk.bytes += text.size() + 1;
    if (text.find_first_not_of(" \t") == std::string::npos) return;
    Line line{.number = input_.number(), .refusal = {}};
    Result<Job> job = parse_job_line(text, defaults_);
    if (job) {
      chunk.jobs.push_back(std::move(*job));
    } else {
      line.refusal = Refusal{.code = job.error().code(), .message = job.error().message()};
    }
    chunk.lines.push_back(std::move(line));
  }

  void settle() {
    std::vector<Enqueued> answers;
    if (in_flight_.front().answer.valid()) {
      wait_for(in_flight_.front());
      answers = in_flight_.front().answer.get();
    }
    const Chunk chunk = std::move(in_flight_.front());
    in_flight_.pop_front();
    auto answer = answers.cbegin();
    for (const Line& line : chunk.lines) {
      if (line.refusal) {
        report_.refused(line.number, line.refusal->code, line.refusal->message);
      } else {
        tell(line.number, *answer++);
      }
    }
    note_failure(answers);
    settled_bytes_ += static_cast<double>(chunk.bytes);
    report_.show_progress(size_ > 0 ? std::optional(std::min(1.0, settled_bytes_ / size_))
                                    : std::nullopt);
  }

  void tell(std::uint64_t line, const Enqueued& answer) {
    if (answer.accepted()) return report_.accepted(line, answer.id);
    std::string message = in_users_words(answer.message);
    if (answer.outcome_unknown) {
      message += fmt::format(" (it may have been accepted as {})", answer.id.to_string());
    }
    report_.refused(line, answer.code, message);
  }

  // The call ends by itself when its time is up; meanwhile people are told why it takes so long.
  void wait_for(const Chunk& chunk) {
    std::string told;
    auto told_at = Clock::now();
    while (chunk.answer.wait_for(kWaitingFirst) != std::future_status::ready) {
      const std::string why = why_waiting();
      if (why == told && Clock::now() - told_at < kWaitingAgain) continue;
      report_.waiting(why);
      told = why;
      told_at = Clock::now();
    }
  }

  std::string why_waiting() const {
    const std::string why = link_.why_cut();
    if (!why.empty()) return why;
    return "no answer from " + server_ + ": it is busy, or its disk is full";
  }

  // Where no job of a whole call was taken within the time, the next ones will fare no better.
  void note_failure(const std::vector<Enqueued>& answers) {
    const bool stuck =
        !answers.empty() && std::all_of(answers.begin(), answers.end(),
                                        [](const Enqueued& one) { return may_pass(one.code); });
    if (stuck && !gave_up_) gave_up_ = answers.front();
  }

  CommandError gave_up() const {
    const std::string why = in_users_words(gave_up_->message);
    return CommandError(exit_code_of(gave_up_->code),
                        fmt::format("gave up, for no job was taken within {}: {}",
                                    duration_text(patience_), why),
                        at_end_
                            ? "enqueue the refused lines again; look first for those that may have "
                              "been accepted"
                            : fmt::format("lines from {} on were not read; allow more time with "
                                          "--timeout, or go on from there later",
                                          input_.number() + 1))
        .set_code(std::string(name_of(gave_up_->code)));
  }

  Interrupt interrupt_;
  LinkState link_;
  std::string server_;
  Milliseconds patience_;
  BulkReport report_;
  LineReader input_;
  std::unique_ptr<Client> client_;
  double size_;
  Job defaults_;
  std::deque<Chunk> in_flight_;
  bool at_end_ = false;
  std::optional<Enqueued> gave_up_;
  double settled_bytes_ = 0;
};

}  // namespace

ExitCode enqueue_bulk(const App& app, const std::string& path, const Job& defaults) {
  return BulkRun(app, path, defaults).run();
}

}  // namespace pawl::cli
