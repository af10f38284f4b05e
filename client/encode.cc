#include "client/encode.h"

#include <tuple>

#include "proto/pawl.pb.h"
#include "proto/varint.h"

namespace pawl::client {
namespace {

using wire::append_bytes_field;
using wire::append_tag;
using wire::append_varint;
using wire::append_varint_field;
using wire::varint_bytes;
using wire::WireType;

// Tags of all fields that are written here take one byte but Header's and Job's own, which take up
// to two.
constexpr std::size_t kTagBytes = 2;

std::uint64_t ms(Milliseconds value) {
  return static_cast<std::uint64_t>(value.count());
}

void append_text(std::string& out, int field, std::string_view value) {
  if (!value.empty()) append_bytes_field(out, field, value);
}

void append_number(std::string& out, int field, std::uint64_t value) {
  if (value != 0) append_varint_field(out, field, value);
}

std::size_t text_bytes(std::string_view value) {
  return value.empty() ? 0 : kTagBytes + varint_bytes(value.size()) + value.size();
}

std::size_t number_bytes(std::uint64_t value) {
  return value == 0 ? 0 : kTagBytes + varint_bytes(value);
}

void append_retry(std::string& out, const Options& options) {
  std::string retry;
  append_number(retry, pb::Retry::kMaxAttemptsFieldNumber, options.max_attempts());
  append_number(retry, pb::Retry::kBackoffMsFieldNumber, ms(options.backoff()));
  append_number(retry, pb::Retry::kBackoffMaxMsFieldNumber, ms(options.backoff_max()));
  append_text(out, pb::Job::kRetryFieldNumber, retry);
}

void append_header(std::string& out, const Options::Header& header) {
  std::string bytes;
  append_text(bytes, pb::Header::kNameFieldNumber, header.first);
  append_text(bytes, pb::Header::kValueFieldNumber, header.second);
  append_bytes_field(out, pb::Job::kHeadersFieldNumber, bytes);
}

std::uint64_t run_at_ms(const Options& options) {
  return options.run_at() ? ms(options.run_at()->time_since_epoch()) : 0;
}

void append_own(std::string& out, std::string_view payload, const Options& options) {
  append_text(out, pb::Job::kPayloadFieldNumber, payload);
  append_text(out, pb::Job::kKeyFieldNumber, options.key());
  append_number(out, pb::Job::kDelayMsFieldNumber, ms(options.delay()));
  append_number(out, pb::Job::kRunAtMsFieldNumber, run_at_ms(options));
  for (const auto& header : options.headers()) append_header(out, header);
}

auto shape_of(const Options& options) {
  return std::tuple(options.priority(), options.max_attempts(), options.backoff(),
                    options.backoff_max(), options.retention(), options.run_time_limit(),
                    options.schema_version(), std::string_view(options.content_type()));
}

}  // namespace

void append_shape(std::string& out, std::string_view type, const Options& options) {
  append_text(out, pb::Job::kTypeFieldNumber, type);
  append_number(out, pb::Job::kSchemaVersionFieldNumber, options.schema_version());
  append_text(out, pb::Job::kContentTypeFieldNumber, options.content_type());
  if (options.priority()) {
    append_varint_field(out, pb::Job::kPriorityFieldNumber, *options.priority());
  }
  append_number(out, pb::Job::kRunTimeLimitMsFieldNumber, ms(options.run_time_limit()));
  append_retry(out, options);
  if (options.retention()) {
    append_varint_field(out, pb::Job::kRetentionMsFieldNumber, ms(*options.retention()));
  }
  for (const auto& tag : options.tags()) append_bytes_field(out, pb::Job::kTagsFieldNumber, tag);
}

bool same_shape(const Job& a, const Job& b) {
  return a.type == b.type && shape_of(a.options) == shape_of(b.options) &&
         a.options.tags() == b.options.tags();
}

void append_job(std::string& out, std::string_view shape, std::string_view payload,
                const Options& options) {
  append_tag(out, pb::Enqueue::kJobsFieldNumber, WireType::bytes);
  // The length stands before what it counts. A guess of its own length is right for all but odd
  // jobs, whose bytes are moved up or down.
  const std::size_t guessed = varint_bytes(shape.size() + payload.size() + kTagBytes + 2);
  const std::size_t begun = out.size();
  out.append(guessed, '\0');
  out.append(shape);
  append_own(out, payload, options);
  std::string length;
  append_varint(length, out.size() - begun - guessed);
  out.replace(begun, guessed, length);
}

std::size_t job_bytes_max(std::size_t shape_bytes, std::string_view payload,
                          const Options& options) {
  std::size_t bytes = shape_bytes + text_bytes(payload) + text_bytes(options.key()) +
                      number_bytes(ms(options.delay())) + number_bytes(run_at_ms(options));
  for (const auto& [name, value] : options.headers()) {
    const std::size_t header = text_bytes(name) + text_bytes(value);
    bytes += kTagBytes + varint_bytes(header) + header;
  }
  return bytes + kTagBytes + varint_bytes(bytes);
}

void append_enqueue_op(std::string& out, const JobId& batch, const EnqueueHead& head,
                       std::string_view jobs) {
  std::string fields;
  const auto& id = batch.bytes();
  append_bytes_field(fields, pb::Enqueue::kBatchIdFieldNumber,
                     {reinterpret_cast<const char*>(id.data()), id.size()});
  append_text(fields, pb::Enqueue::kNamespaceFieldNumber, head.name_space);
  append_text(fields, pb::Enqueue::kQueueFieldNumber, head.queue);
  if (head.mode == BatchMode::per_job) {
    append_varint_field(fields, pb::Enqueue::kModeFieldNumber, pb::Enqueue::PER_JOB);
  }
  append_text(fields, pb::Enqueue::kDefaultsFieldNumber, head.shape);

  append_tag(out, pb::Request::kEnqueueFieldNumber, WireType::bytes);
  append_varint(out, fields.size() + jobs.size());
  out += fields;
  out += jobs;
}

}  // namespace pawl::client
