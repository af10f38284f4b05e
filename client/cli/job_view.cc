#include "client/cli/job_view.h"

#include <chrono>

#include "client/cli/duration.h"
#include "client/cli/instant.h"
#include "proto/wire.h"

namespace pawl::cli {
namespace {

constexpr std::size_t kShownBytesMax = 4096;

std::string instant_or_dash(const std::optional<Time>& time) {
  return time ? instant_text(*time) : "-";
}

std::string attempts_text(const JobStatus& job) {
  return std::to_string(job.attempt) + "/" + std::to_string(job.max_attempts);
}

std::string bytes_text(std::string_view bytes) {
  const std::string size = "(" + std::to_string(bytes.size()) + " bytes)";
  if (!wire::valid_utf8(bytes)) return size;
  if (bytes.size() <= kShownBytesMax) return std::string(bytes);
  std::size_t cut = kShownBytesMax;
  while ((static_cast<unsigned char>(bytes[cut]) & 0xc0) == 0x80) --cut;
  return std::string(bytes.substr(0, cut)) + "... " + size;
}

std::string failure_text(const Failure& failure) {
  if (failure.message.empty()) return failure.error_class;
  return failure.error_class + ": " + failure.message;
}

std::string worker_text(std::string_view worker, std::string_view host) {
  if (host.empty() || worker.find(host) != std::string_view::npos) return std::string(worker);
  return std::string(worker) + " on " + std::string(host);
}

std::string attempt_text(const Attempt& attempt) {
  std::string text(name_of(attempt.end));
  if (attempt.started_at && attempt.finished_at) {
    text += " after " + duration_text(*attempt.finished_at - *attempt.started_at);
  }
  if (!attempt.worker_id.empty()) text += ", " + worker_text(attempt.worker_id, attempt.host);
  if (attempt.failure) text += ", " + failure_text(*attempt.failure);
  return text;
}

std::string backoff_text(const Options& options) {
  std::string text = options.backoff().count() > 0 ? duration_text(options.backoff()) : "default";
  if (options.backoff_max().count() > 0) {
    text += ", at most " + duration_text(options.backoff_max());
  }
  return text;
}

void add_options(Table& table, const Options& options) {
  for (const std::string& tag : options.tags()) table.add({"tag", tag});
  for (const auto& [name, value] : options.headers()) table.add({"header", name + ": " + value});
  if (options.run_time_limit().count() > 0) {
    table.add({"run-time limit", duration_text(options.run_time_limit())});
  }
  if (options.backoff().count() > 0 || options.backoff_max().count() > 0) {
    table.add({"backoff", backoff_text(options)});
  }
  if (options.retention()) table.add({"retention", duration_text(*options.retention())});
  if (options.schema_version() != 0) {
    table.add({"schema version", std::to_string(options.schema_version())});
  }
  if (!options.content_type().empty()) table.add({"content type", options.content_type()});
}

}  // namespace

Table jobs_table(const std::vector<JobStatus>& jobs) {
  Table table({{.title = "ID"},
               {.title = "QUEUE", .may_shrink = true},
               {.title = "TYPE", .may_shrink = true},
               {.title = "STATE"},
               {.title = "ATTEMPT", .align = Align::right},
               {.title = "ACCEPTED"},
               {.title = "WORKER", .may_shrink = true},
               {.title = "ERROR", .may_shrink = true}});
  for (const JobStatus& job : jobs) {
    table.add({job.id.to_string(), job.queue, job.type, std::string(name_of(job.state)),
               attempts_text(job), instant_or_dash(job.accepted_at), job.worker_id,
               job.failure ? failure_text(*job.failure) : ""});
  }
  return table;
}

Table job_table(const JobStatus& job) {
  Table table({{.title = "FIELD"}, {.title = "VALUE", .may_shrink = true}});
  table.add({"id", job.id.to_string()});
  table.add({"state", std::string(name_of(job.state)) +
                          (job.cancel_requested && !is_final(job.state) ? ", asked to stop" : "")});
  if (!job.name_space.empty()) table.add({"namespace", job.name_space});
  table.add({"queue", job.queue});
  table.add({"type", job.type});
  table.add({"priority", std::to_string(job.priority)});
  if (!job.key.empty()) table.add({"key", job.key});
  table.add({"attempt", attempts_text(job)});
  table.add({"accepted", instant_or_dash(job.accepted_at)});
  if (job.due_at) table.add({"due", instant_text(*job.due_at)});
  if (job.started_at) table.add({"started", instant_text(*job.started_at)});
  if (job.finished_at) table.add({"finished", instant_text(*job.finished_at)});
  if (job.kept_until) table.add({"kept until", instant_text(*job.kept_until)});
  if (!job.worker_id.empty()) table.add({"worker", worker_text(job.worker_id, job.host)});
  if (job.job) {
    add_options(table, job.job->options);
    table.add({"payload", bytes_text(job.job->payload)});
  }
  if (job.state == JobState::completed) table.add({"result", bytes_text(job.result)});
  if (job.failure) {
    table.add({"error", failure_text(*job.failure)});
    table.add({"cause", std::string(name_of(job.failure->cause))});
    if (!job.failure->detail.empty()) table.add({"detail", bytes_text(job.failure->detail)});
  }
  for (const Attempt& attempt : job.attempts) {
    table.add({"attempt " + std::to_string(attempt.number), attempt_text(attempt)});
  }
  return table;
}

std::string state_sentence(const JobStatus& job) {
  std::string text = "job " + job.id.to_string() + " is " + std::string(name_of(job.state));
  const bool by_failure = job.state == JobState::failed || job.state == JobState::retrying;
  if (job.failure && by_failure) text += ": " + failure_text(*job.failure);
  return text;
}

}  // namespace pawl::cli
