#include "client/cli/job_json.h"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "client/cli/base64.h"
#include "client/cli/duration.h"
#include "client/cli/instant.h"
#include "proto/wire.h"

namespace pawl::cli {
namespace {

namespace json = boost::json;

void put(json::object& object, std::string_view name, std::string_view text) {
  if (!text.empty()) object[name] = text;
}
void put(json::object& object, std::string_view name, const std::optional<Time>& time) {
  if (time) object[name] = instant_text(*time);
}
void put(json::object& object, std::string_view name, Milliseconds duration) {
  if (duration.count() != 0) object[name] = duration_text(duration);
}

bool is_json(std::string_view content_type) {
  const std::string_view name = content_type.substr(0, content_type.find(';'));
  return name == "application/json" || name.ends_with("+json");
}

// Bytes of which nobody has said what they are.
bool looks_like_text(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) {
    const auto value = static_cast<unsigned char>(byte);
    return (value >= 0x20 && value != 0x7f) || byte == '\n' || byte == '\t' || byte == '\r';
  });
}

json::object failure_json(const Failure& failure) {
  json::object object;
  object["class"] = failure.error_class;
  object["message"] = failure.message;
  put(object, "detail", failure.detail);
  object["cause"] = name_of(failure.cause);
  return object;
}

json::object attempt_json(const Attempt& attempt) {
  json::object object;
  object["number"] = attempt.number;
  put(object, "started_at", attempt.started_at);
  put(object, "finished_at", attempt.finished_at);
  put(object, "worker", attempt.worker_id);
  put(object, "host", attempt.host);
  object["end"] = name_of(attempt.end);
  if (attempt.failure) object["failure"] = failure_json(*attempt.failure);
  return object;
}

void put_options(json::object& object, const Options& options) {
  put(object, "content_type", options.content_type());
  put(object, "delay", options.delay());
  put(object, "run_at", options.run_at());
  put(object, "run_time_limit", options.run_time_limit());
  put(object, "backoff", options.backoff());
  put(object, "backoff_max", options.backoff_max());
  if (options.retention()) object["retention"] = duration_text(*options.retention());
  if (options.schema_version() != 0) object["schema_version"] = options.schema_version();
  if (!options.tags().empty()) {
    json::array tags;
    for (const std::string& tag : options.tags()) tags.emplace_back(tag);
    object["tags"] = std::move(tags);
  }
  if (!options.headers().empty()) {
    json::object headers;
    for (const auto& [name, value] : options.headers()) headers[name] = value;
    object["headers"] = std::move(headers);
  }
}

}  // namespace

void put_bytes(json::object& object, std::string_view name, std::string_view bytes,
               std::string_view content_type) {
  if (is_json(content_type)) {
    json::error_code failure;
    json::value value = json::parse(bytes, failure);
    if (!failure) {
      object[name] = std::move(value);
      return;
    }
  }
  const bool text = content_type.empty()
                        ? looks_like_text(bytes)
                        : content_type.starts_with("text/") || is_json(content_type);
  if (text && wire::valid_utf8(bytes)) {
    object[name] = bytes;
  } else {
    object[std::string(name) + "_base64"] = base64_encode(bytes);
  }
}

json::object job_json(const JobStatus& job) {
  json::object object;
  object["id"] = job.id.to_string();
  object["state"] = name_of(job.state);
  put(object, "namespace", job.name_space);
  object["queue"] = job.queue;
  object["type"] = job.type;
  object["priority"] = job.priority;
  put(object, "key", job.key);
  object["attempt"] = job.attempt;
  object["max_attempts"] = job.max_attempts;
  put(object, "accepted_at", job.accepted_at);
  put(object, "due_at", job.due_at);
  put(object, "started_at", job.started_at);
  put(object, "finished_at", job.finished_at);
  put(object, "kept_until", job.kept_until);
  put(object, "worker", job.worker_id);
  put(object, "host", job.host);
  if (job.cancel_requested) object["cancel_requested"] = true;
  if (job.job) {
    put_options(object, job.job->options);
    put_bytes(object, "payload", job.job->payload, job.job->options.content_type());
  }
  if (job.state == JobState::completed) {
    put(object, "result_type", job.result_type);
    if (job.job || !job.result.empty()) put_bytes(object, "result", job.result, job.result_type);
  }
  if (job.failure) object["failure"] = failure_json(*job.failure);
  json::array attempts;
  for (const Attempt& attempt : job.attempts) attempts.push_back(attempt_json(attempt));
  object["attempts"] = std::move(attempts);
  return object;
}

json::object queue_json(const QueueStats& stats) {
  json::object object;
  object["queue"] = stats.queue;
  object["scheduled"] = stats.scheduled;
  object["pending"] = stats.pending;
  object["processing"] = stats.processing;
  object["retrying"] = stats.retrying;
  object["completed"] = stats.completed;
  object["failed"] = stats.failed;
  object["cancelled"] = stats.cancelled;
  object["oldest_pending"] = duration_text(stats.oldest_pending);
  object["lanes"] = stats.lanes;
  return object;
}

}  // namespace pawl::cli
