#include "broker/net/encode_job.h"

#include "broker/net/field_check.h"

namespace pawl::net {
namespace {

using wire::FieldWriter;

void write_failure(std::uint32_t field, const core::Failure& failure, FieldWriter& writer) {
  const std::size_t begun = writer.begin(field);
  writer.bytes(1, failure.error_class);
  writer.bytes(2, failure.message);
  writer.bytes(3, failure.detail);
  writer.number(4, static_cast<std::uint64_t>(failure.cause));
  writer.end(begun);
}

void write_attempt(const core::AttemptView& attempt, FieldWriter& writer) {
  const std::size_t begun = writer.begin(20);
  writer.number(1, attempt.number);
  writer.number(2, core::to_ms(attempt.started_at));
  writer.number(3, core::to_ms(attempt.finished_at));
  writer.bytes(4, attempt.worker_id);
  writer.bytes(5, attempt.host);
  writer.number(6, static_cast<std::uint64_t>(attempt.end));
  if (attempt.failure != nullptr) write_failure(7, *attempt.failure, writer);
  writer.end(begun);
}

void write_progress(const core::JobView& job, FieldWriter& writer) {
  writer.number(9, job.attempt);
  writer.number(10, job.max_attempts);
  writer.number(11, core::to_ms(job.accepted_at));
  writer.number(12, job.due_at_ms);
  writer.number(13, core::to_ms(job.started_at));
  writer.number(14, core::to_ms(job.finished_at));
  writer.bytes(15, job.worker_id);
  writer.bytes(16, job.host);
  writer.bytes(17, job.result.view());
  writer.bytes(18, job.result_type);
  if (job.failure != nullptr) write_failure(19, *job.failure, writer);
  for (const core::AttemptView& attempt : job.attempts) write_attempt(attempt, writer);
  writer.number(21, job.cancel_requested ? 1 : 0);
  writer.number(22, core::to_ms(job.kept_until));
}

// The job's own message inside its record, which is a field of another number there.
void write_record(const core::Blob& record, FieldWriter& writer) {
  wire::FieldReader reader(record.view());
  wire::Field field;
  if (reader.next(field)) writer.element(24, field.bytes);
}

}  // namespace

void write_job(std::uint32_t field, const core::JobView& job, FieldWriter& writer) {
  const std::size_t begun = writer.begin(field);
  writer.length(1, 16);
  append_id(writer.out(), job.id);
  writer.number(2, static_cast<std::uint64_t>(job.code));
  writer.number(3, static_cast<std::uint64_t>(job.state));
  writer.bytes(4, job.ns);
  writer.bytes(5, job.queue);
  writer.bytes(6, job.type);
  writer.number(7, job.priority);
  writer.bytes(8, job.key);
  write_progress(job, writer);
  writer.bytes(23, job.defaults.view());
  if (!job.record.empty()) write_record(job.record, writer);
  writer.end(begun);
}

}  // namespace pawl::net
