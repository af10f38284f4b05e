#include "broker/net/job_facts.h"

#include <fmt/format.h>

namespace pawl::net {
namespace {

namespace limits = core::limits;
using core::Errc;

void refuse_reserved(std::string_view name, FieldCheck& check) {
  check.refuse(Errc::unsupported, fmt::format("{} is not supported by this broker", name));
}

}  // namespace

void JobFacts::read(std::string_view message, const JobBounds& bounds, FieldCheck& check) {
  wire::FieldReader reader(message);
  wire::Field field;
  while (reader.next(field)) read_field(field, bounds, check);
  check.finish(reader, "job");
}

void JobFacts::read_field(const wire::Field& field, const JobBounds& bounds, FieldCheck& check) {
  switch (field.number) {
    case 1:
      type = check.identifier(field, "type");
      break;
    case 2:
      check.number32(field, "schema_version");
      break;
    case 3:
      check.bytes(field, "payload", bounds.payload_bytes_max);
      break;
    case 4:
      check.line(field, "content_type", limits::kNameBytesMax);
      break;
    case 5:
      priority = static_cast<std::uint8_t>(check.number32(field, "priority", limits::kPriorityMax));
      break;
    case 6:
      key = check.line(field, "key", limits::kNameBytesMax);
      break;
    case 7:
    case 8:
    case 9:
    case 10:
    case 12:
      read_when(field, check);
      break;
    case 11:
      read_retry(check.message(field, "retry"), check);
      break;
    case 13:
      refuse_reserved("unique", check);
      break;
    case 14:
      read_header(check.message(field, "headers"), check);
      break;
    case 15:
      check.identifier(field, "tags");
      ++tags;
      break;
    case 16:
      refuse_reserved("depends_on", check);
      break;
    default:
      unknown(field, check);
  }
}

void JobFacts::read_when(const wire::Field& field, FieldCheck& check) {
  constexpr auto kDelayMax =
      static_cast<std::uint64_t>(core::Milliseconds(limits::kDelayMax).count());
  switch (field.number) {
    case 7:
      delay_ms = check.number(field, "delay_ms", kDelayMax);
      break;
    case 8:
      run_at_ms = check.number(field, "run_at_ms", limits::kRunAtMaxMs);
      break;
    case 9:
      if (check.number(field, "start_by_ms", UINT64_MAX) != 0)
        refuse_reserved("start_by_ms", check);
      break;
    case 10:
      options.run_time_limit = check.duration(field, "run_time_limit_ms", limits::kDelayMax);
      break;
    case 12:
      options.retention = check.duration(field, "retention_ms", limits::kRetentionMax);
      break;
    default:
      break;
  }
}

void JobFacts::read_retry(std::string_view message, FieldCheck& check) {
  wire::FieldReader reader(message);
  wire::Field field;
  while (reader.next(field)) {
    switch (field.number) {
      case 1:
        options.max_attempts = check.number32(field, "retry.max_attempts", limits::kAttemptsMax);
        break;
      case 2:
        options.backoff = check.duration(field, "retry.backoff_ms", limits::kDelayMax);
        break;
      case 3:
        options.backoff_max = check.duration(field, "retry.backoff_max_ms", limits::kDelayMax);
        break;
      default:
        unknown(field, check);
    }
  }
  check.finish(reader, "retry");
}

void JobFacts::read_header(std::string_view message, FieldCheck& check) {
  ++headers;
  std::size_t bytes = 0;
  bool named = false;
  wire::FieldReader reader(message);
  wire::Field field;
  while (reader.next(field)) {
    switch (field.number) {
      case 1:
        named = !check.line(field, "headers.name", limits::kHeaderBytesMax).empty();
        bytes += field.bytes.size();
        break;
      case 2:
        check.line(field, "headers.value", limits::kHeaderBytesMax);
        bytes += field.bytes.size();
        break;
      default:
        unknown(field, check);
    }
  }
  check.finish(reader, "headers");
  if (!named) check.refuse(Errc::invalid_argument, "headers.name is empty");
  if (bytes > limits::kHeaderBytesMax) {
    check.refuse(Errc::too_large,
                 fmt::format("a header is over {} bytes", limits::kHeaderBytesMax));
  }
}

void JobFacts::unknown(const wire::Field& field, FieldCheck& check) {
  unknown_bytes += field.raw.size();
  if (unknown_bytes <= limits::kUnknownBytesMax) return;
  check.refuse(Errc::invalid_argument,
               fmt::format("over {} bytes of unknown fields", limits::kUnknownBytesMax));
}

void JobFacts::check_whole(FieldCheck& check) const {
  if (type.empty()) check.refuse(Errc::invalid_argument, "type is missing");
  if (delay_ms != 0 && run_at_ms != 0) {
    check.refuse(Errc::invalid_argument, "delay_ms and run_at_ms are both set");
  }
  if (headers > limits::kHeadersMax) {
    check.refuse(Errc::invalid_argument, fmt::format("over {} headers", limits::kHeadersMax));
  }
  if (tags > limits::kTagsMax) {
    check.refuse(Errc::invalid_argument, fmt::format("over {} tags", limits::kTagsMax));
  }
}

core::Due JobFacts::due() const {
  core::Due due;
  if (delay_ms != 0) {
    due.kind = core::Due::Kind::delay;
    due.delay = core::Milliseconds(static_cast<std::int64_t>(delay_ms));
  }
  if (run_at_ms != 0) {
    due.kind = core::Due::Kind::run_at;
    due.run_at = core::wall_from_ms(run_at_ms);
  }
  return due;
}

bool JobFacts::same_run(const JobFacts& other) const {
  return delay_ms == other.delay_ms && run_at_ms == other.run_at_ms && priority == other.priority &&
         type == other.type && key == other.key && options == other.options;
}

}  // namespace pawl::net
