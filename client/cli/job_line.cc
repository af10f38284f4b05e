#include "client/cli/job_line.h"

#include <algorithm>
#include <array>
#include <optional>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/serialize.hpp>

#include "client/cli/base64.h"
#include "client/cli/duration.h"
#include "client/cli/header.h"
#include "client/cli/instant.h"
#include "client/cli/json_slice.h"
#include "client/cli/suggest.h"

namespace pawl::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kScratchBytes = 4096;

[[noreturn]] void fail(std::string_view name, const std::string& what) {
  throw Error(Errc::invalid_argument, "\"" + std::string(name) + "\" " + what);
}

std::string text_of(std::string_view name, const json::value& value) {
  const json::string* text = value.if_string();
  if (text == nullptr) fail(name, "must be a text");
  return {text->data(), text->size()};
}

unsigned number_of(std::string_view name, const json::value& value) {
  json::error_code failure;
  const auto number = value.to_number<std::uint32_t>(failure);
  if (failure) fail(name, "must be a whole number, not negative");
  return number;
}

// None would mean the default, which is not what was written.
unsigned attempts_of(std::string_view name, const json::value& value) {
  const unsigned attempts = number_of(name, value);
  if (attempts == 0) fail(name, "must be 1 or more");
  return attempts;
}

Milliseconds duration_of(std::string_view name, const json::value& value) {
  const auto duration = value.is_string() ? parse_duration(value.get_string()) : std::nullopt;
  if (!duration) fail(name, "must be a duration with its unit, such as \"30s\"");
  return *duration;
}

Time time_of(std::string_view name, const json::value& value) {
  const auto time = value.is_string() ? parse_instant(value.get_string()) : std::nullopt;
  if (!time) fail(name, "must be a time as RFC 3339 has it, such as \"2030-01-31T08:00:00Z\"");
  return *time;
}

void set_tags(Job& job, std::string_view name, const json::value& value) {
  if (value.is_string()) {
    job.options.tag(text_of(name, value));
    return;
  }
  const json::array* tags = value.if_array();
  if (tags == nullptr) fail(name, "must be a text or a list of texts");
  for (const json::value& tag : *tags) job.options.tag(text_of(name, tag));
}

void set_headers(Job& job, std::string_view name, const json::value& value) {
  if (value.is_string()) {
    if (!add_header(job.options, text_of(name, value))) fail(name, "is not NAME:VALUE");
    return;
  }
  const json::object* headers = value.if_object();
  if (headers == nullptr) fail(name, "must be an object of texts or NAME:VALUE");
  for (const auto& [key, text] : *headers) job.options.header(key, text_of(name, text));
}

// `raw` is what stands in the line for the value.
void set_payload(Job& job, const json::value& value, std::optional<std::string_view> raw,
                 std::string_view content_type) {
  const bool is_json = content_type == "application/json";
  if (const json::string* text = value.if_string(); text != nullptr && !is_json) {
    job.payload.assign(text->data(), text->size());
    return;
  }
  job.payload = raw ? std::string(*raw) : json::serialize(value);
  if (job.options.content_type().empty()) job.options.json();
}

bool set_text(Job& job, std::string_view name, const json::value& value) {
  Options& options = job.options;
  if (name == "type") {
    job.type = text_of(name, value);
  } else if (name == "queue") {
    options.queue(text_of(name, value));
  } else if (name == "namespace") {
    options.in_namespace(text_of(name, value));
  } else if (name == "key") {
    options.key(text_of(name, value));
  } else if (name == "content_type") {
    options.content_type(text_of(name, value));
  } else if (name == "tags" || name == "tag") {
    set_tags(job, name, value);
  } else if (name == "headers" || name == "header") {
    set_headers(job, name, value);
  } else {
    return false;
  }
  return true;
}

bool set_number(Job& job, std::string_view name, const json::value& value) {
  Options& options = job.options;
  if (name == "priority") {
    options.priority(number_of(name, value));
  } else if (name == "max_attempts") {
    options.max_attempts(attempts_of(name, value));
  } else if (name == "schema_version") {
    options.schema_version(number_of(name, value));
  } else if (name == "delay") {
    options.delay(duration_of(name, value));
  } else if (name == "at" || name == "run_at") {
    options.run_at(time_of(name, value));
  } else if (name == "retention") {
    options.retention(duration_of(name, value));
  } else if (name == "run_time_limit") {
    options.run_time_limit(duration_of(name, value));
  } else if (name == "backoff") {
    options.backoff(duration_of(name, value), options.backoff_max());
  } else if (name == "backoff_max") {
    options.backoff(options.backoff(), duration_of(name, value));
  } else {
    return false;
  }
  return true;
}

[[noreturn]] void fail_unknown(std::string_view name) {
  static constexpr std::array<std::string_view, 20> kNames = {
      "type",  "payload",      "payload_base64", "queue",        "namespace",
      "key",   "content_type", "priority",       "max_attempts", "schema_version",
      "delay", "retention",    "run_time_limit", "backoff",      "backoff_max",
      "at",    "run_at",       "tags",           "headers",      "header"};
  const std::string_view meant = closest(name, kNames);
  if (meant.empty()) fail(name, "is not known");
  fail(name, "is not known; did you mean \"" + std::string(meant) + "\"?");
}

// A name as the command line's options have it, with dashes, is the same name.
std::string plain_name(std::string_view name) {
  std::string plain(name);
  std::replace(plain.begin(), plain.end(), '-', '_');
  return plain;
}

Job job_of(const json::object& object, std::string_view line, const Job& defaults) {
  Job job = defaults;
  const json::value* payload = nullptr;
  const json::value* encoded = nullptr;
  for (const auto& [key, value] : object) {
    const std::string name = plain_name({key.data(), key.size()});
    if (name == "payload") {
      payload = &value;
    } else if (name == "payload_base64") {
      encoded = &value;
    } else if (!set_text(job, name, value) && !set_number(job, name, value)) {
      fail_unknown(name);
    }
  }
  if (job.type.empty()) fail("type", "is missing");
  if (payload != nullptr && encoded != nullptr)
    fail("payload", "and payload_base64 are both there");
  if (payload != nullptr) {
    // Under a declared content type of JSON a text is JSON too, and keeps its quotes.
    set_payload(job, *payload, member_text(line, "payload"), job.options.content_type());
  } else if (encoded != nullptr) {
    auto bytes = base64_decode(text_of("payload_base64", *encoded));
    if (!bytes) fail("payload_base64", "is not base64");
    job.payload = std::move(*bytes);
  }
  return job;
}

Error not_json(std::size_t read, const json::error_code& failure) {
  return Error(Errc::invalid_argument,
               "not JSON at column " + std::to_string(read + 1) + ": " + failure.message());
}

}  // namespace

Result<Job> parse_job_line(std::string_view line, const Job& defaults) {
  unsigned char scratch[kScratchBytes];
  json::monotonic_resource memory(scratch);
  json::parser parser(&memory);
  json::error_code failure;
  const std::size_t read = parser.write_some(line.data(), line.size(), failure);
  if (!failure && read < line.size()) failure = json::error::extra_data;
  if (failure) return not_json(read, failure);
  const json::value value = parser.release();
  const json::object* object = value.if_object();
  if (object == nullptr) return Error(Errc::invalid_argument, "not a JSON object");
  try {
    return job_of(*object, line, defaults);
  } catch (const Error& error) {
    return error;
  }
}

}  // namespace pawl::cli
