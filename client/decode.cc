#include "client/decode.h"

#include <algorithm>

#include "client/wire_error.h"

namespace pawl::client {
namespace {

std::optional<Time> time_of(std::uint64_t unix_ms) {
  if (unix_ms == 0) return std::nullopt;
  return Time(Milliseconds(unix_ms));
}

Milliseconds duration_of(std::uint64_t ms) {
  return Milliseconds(static_cast<std::int64_t>(ms));
}

Failure failure_of(const pb::Failure& failure) {
  return {.error_class = failure.error_class(),
          .message = failure.message(),
          .detail = failure.detail(),
          .cause = static_cast<Failure::Cause>(failure.cause())};
}

Attempt attempt_of(const pb::Attempt& attempt) {
  Attempt result{.number = attempt.number(),
                 .started_at = time_of(attempt.started_at_ms()),
                 .finished_at = time_of(attempt.finished_at_ms()),
                 .worker_id = attempt.worker_id(),
                 .host = attempt.host(),
                 .end = static_cast<Attempt::End>(attempt.end()),
                 .failure = std::nullopt};
  if (attempt.has_failure()) result.failure = failure_of(attempt.failure());
  return result;
}

Options options_of(const pb::JobStatus& status, const pb::Job& job) {
  Options options;
  options.queue(status.queue()).in_namespace(status.namespace_()).key(job.key());
  options.content_type(job.content_type()).schema_version(job.schema_version());
  options.delay(duration_of(job.delay_ms())).run_time_limit(duration_of(job.run_time_limit_ms()));
  if (job.has_priority()) options.priority(job.priority());
  if (const auto run_at = time_of(job.run_at_ms())) options.run_at(*run_at);
  if (job.has_retention_ms()) options.retention(duration_of(job.retention_ms()));
  options.max_attempts(job.retry().max_attempts());
  options.backoff(duration_of(job.retry().backoff_ms()), duration_of(job.retry().backoff_max_ms()));
  for (const auto& header : job.headers()) options.header(header.name(), header.value());
  for (const auto& tag : job.tags()) options.tag(tag);
  return options;
}

// The defaults' bytes followed by the job's, as the protocol says.
Job job_of(const pb::JobStatus& status) {
  pb::Job job = status.defaults();
  job.MergeFrom(status.job());
  return Job(job.type(), std::move(*job.mutable_payload()), options_of(status, job));
}

}  // namespace

JobStatus status_of(const pb::JobStatus& status) {
  JobStatus result;
  result.id = id_of(status.id());
  result.code = errc_of(status.code());
  if (!result.found()) return result;
  result.state = static_cast<JobState>(status.state());
  result.name_space = status.namespace_();
  result.queue = status.queue();
  result.type = status.type();
  result.priority = status.priority();
  result.key = status.key();
  result.attempt = status.attempt();
  result.max_attempts = status.max_attempts();
  result.accepted_at = time_of(status.accepted_at_ms());
  result.due_at = time_of(status.due_at_ms());
  result.started_at = time_of(status.started_at_ms());
  result.finished_at = time_of(status.finished_at_ms());
  result.kept_until = time_of(status.kept_until_ms());
  result.worker_id = status.worker_id();
  result.host = status.host();
  result.result = status.result();
  result.result_type = status.result_type();
  if (status.has_failure()) result.failure = failure_of(status.failure());
  for (const auto& attempt : status.attempts()) result.attempts.push_back(attempt_of(attempt));
  result.cancel_requested = status.cancel_requested();
  if (status.has_job() || status.has_defaults()) result.job = job_of(status);
  return result;
}

QueueStats stats_of(const pb::QueueStat& stat) {
  return {.queue = stat.queue(),
          .scheduled = stat.scheduled(),
          .pending = stat.pending(),
          .processing = stat.processing(),
          .retrying = stat.retrying(),
          .completed = stat.completed(),
          .failed = stat.failed(),
          .cancelled = stat.cancelled(),
          .oldest_pending = duration_of(stat.oldest_pending_ms()),
          .lanes = stat.lanes()};
}

JobId id_of(std::string_view bytes) {
  JobId::Bytes id{};
  if (bytes.size() == id.size()) std::copy(bytes.begin(), bytes.end(), id.begin());
  return JobId(id);
}

std::string_view bytes_of(const JobId& id) {
  return {reinterpret_cast<const char*>(id.bytes().data()), id.bytes().size()};
}

}  // namespace pawl::client
