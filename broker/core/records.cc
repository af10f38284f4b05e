#include "broker/core/records.h"

#include "broker/core/bytes_io.h"

namespace pawl::core {

namespace {

constexpr std::uint8_t kFormat = 1;

template <class Fill>
std::string encoded(Fill&& fill) {
  std::string out;
  Writer writer(out);
  writer.u8(kFormat);
  fill(writer);
  return out;
}

// Runs `fill` on a record when the format is known, and gives the record when all bytes made sense.
template <class Record, class Fill>
std::optional<Record> decoded(std::string_view bytes, Fill&& fill) {
  Reader reader(bytes);
  if (reader.u8() != kFormat) return std::nullopt;
  Record record;
  fill(reader, record);
  if (!reader.ok()) return std::nullopt;
  return record;
}

void put_options(Writer& w, const JobOptions& options) {
  w.varint(options.max_attempts);
  w.varint(static_cast<std::uint64_t>(options.backoff.count()));
  w.varint(static_cast<std::uint64_t>(options.backoff_max.count()));
  w.varint(options.retention ? static_cast<std::uint64_t>(options.retention->count()) + 1 : 0);
  w.varint(static_cast<std::uint64_t>(options.run_time_limit.count()));
}

Milliseconds get_ms(Reader& r) {
  return Milliseconds{static_cast<std::int64_t>(r.varint())};
}

JobOptions get_options(Reader& r) {
  JobOptions options;
  options.max_attempts = r.varint32();
  options.backoff = get_ms(r);
  options.backoff_max = get_ms(r);
  if (const std::uint64_t retention = r.varint(); retention != 0) {
    options.retention = Milliseconds{static_cast<std::int64_t>(retention - 1)};
  }
  options.run_time_limit = get_ms(r);
  return options;
}

void put_group(Writer& w, const GroupRecord& group) {
  w.varint(group.type).u8(group.priority).str(group.key);
  put_options(w, group.options);
  w.varint(group.due_ms).u8(static_cast<std::uint8_t>(group.clock)).indexes(group.jobs);
}

GroupRecord get_group(Reader& r) {
  GroupRecord group;
  group.type = r.varint32();
  group.priority = r.u8();
  group.key = r.str();
  group.options = get_options(r);
  group.due_ms = r.varint();
  group.clock = static_cast<keys::AgendaClock>(r.u8());
  group.jobs = r.indexes();
  return group;
}

void put_refused(Writer& w, const std::vector<RefusedJob>& refused) {
  w.varint(refused.size());
  for (const RefusedJob& job : refused)
    w.varint(job.index).u8(static_cast<std::uint8_t>(job.code)).str(job.message);
}

std::vector<RefusedJob> get_refused(Reader& r) {
  std::vector<RefusedJob> refused;
  for (std::uint64_t left = r.varint(); left > 0 && r.ok(); --left) {
    RefusedJob job;
    job.index = static_cast<JobIndex>(r.varint());
    job.code = static_cast<Errc>(r.u8());
    job.message = r.str();
    refused.push_back(std::move(job));
  }
  return refused;
}

void put_failure(Writer& w, const Failure* failure) {
  w.u8(failure != nullptr ? 1 : 0);
  if (failure == nullptr) return;
  w.str(failure->error_class)
      .str(failure->message)
      .str(failure->detail)
      .u8(static_cast<std::uint8_t>(failure->cause));
}

std::shared_ptr<const Failure> get_failure(Reader& r) {
  if (r.u8() == 0) return nullptr;
  auto failure = std::make_shared<Failure>();
  failure->error_class = r.str();
  failure->message = r.str();
  failure->detail = r.str();
  failure->cause = static_cast<Failure::Cause>(r.u8());
  return failure;
}

void put_attempt(Writer& w, const AttemptView& attempt) {
  w.varint(attempt.number).time(attempt.started_at).time(attempt.finished_at);
  w.str(attempt.worker_id).str(attempt.host).u8(static_cast<std::uint8_t>(attempt.end));
  put_failure(w, attempt.failure.get());
}

AttemptView get_attempt(Reader& r) {
  AttemptView attempt;
  attempt.number = r.varint32();
  attempt.started_at = r.time();
  attempt.finished_at = r.time();
  attempt.worker_id = r.str();
  attempt.host = r.str();
  attempt.end = static_cast<AttemptView::End>(r.u8());
  attempt.failure = get_failure(r);
  return attempt;
}

// The piece of `value` that `piece`, a view into it, stands for.
Blob piece_of(const Blob& value, std::string_view piece) {
  if (piece.empty()) return {};
  return value.slice(static_cast<std::size_t>(piece.data() - value.view().data()), piece.size());
}

}  // namespace

std::string EngineRecord::encode() const {
  return encoded([&](Writer& w) {
    w.time(at)
        .varint(to_ms(wall))
        .varint(id_time_max)
        .varint(sequence)
        .varint(lane)
        .varint(queue)
        .varint(type);
  });
}

std::optional<EngineRecord> EngineRecord::decode(std::string_view bytes) {
  return decoded<EngineRecord>(bytes, [](Reader& r, EngineRecord& record) {
    record.at = r.time();
    record.wall = wall_from_ms(r.varint());
    record.id_time_max = r.varint();
    record.sequence = r.varint();
    record.lane = r.varint();
    record.queue = r.varint32();
    record.type = r.varint32();
  });
}

std::string QueueName::encode() const {
  return encoded([&](Writer& w) { w.str(ns).str(name); });
}

std::optional<QueueName> QueueName::decode(std::string_view bytes) {
  return decoded<QueueName>(bytes, [](Reader& r, QueueName& record) {
    record.ns = r.str();
    record.name = r.str();
  });
}

std::string encode_type_name(std::string_view name) {
  return encoded([&](Writer& w) { w.str(name); });
}

std::optional<std::string> decode_type_name(std::string_view bytes) {
  return decoded<std::string>(bytes, [](Reader& r, std::string& name) { name = r.str(); });
}

std::uint64_t& CountsRecord::of(JobState state) {
  switch (state) {
    case JobState::scheduled:
      return scheduled;
    case JobState::retrying:
      return retrying;
    case JobState::completed:
      return completed;
    case JobState::failed:
      return failed;
    case JobState::cancelled:
      return cancelled;
    default:
      return waiting;
  }
}

std::string CountsRecord::encode() const {
  return encoded([&](Writer& w) {
    w.varint(waiting).varint(scheduled).varint(retrying).varint(completed).varint(failed).varint(
        cancelled);
  });
}

std::optional<CountsRecord> CountsRecord::decode(std::string_view bytes) {
  return decoded<CountsRecord>(bytes, [](Reader& r, CountsRecord& record) {
    record.waiting = r.varint();
    record.scheduled = r.varint();
    record.retrying = r.varint();
    record.completed = r.varint();
    record.failed = r.varint();
    record.cancelled = r.varint();
  });
}

void Envelope::encode(std::string& out, std::string_view defaults) const {
  Writer w(out);
  w.u8(kFormat).varint(queue).be64(hash).time(accepted_at).varint(job_count);
  w.varint(groups.size());
  for (const GroupRecord& group : groups) put_group(w, group);
  put_refused(w, refused);
  w.str(defaults);
}

std::string part_header(JobIndex first) {
  return encoded([&](Writer& w) { w.varint(first); });
}

std::optional<BatchHead> decode_batch_head(const Blob& value) {
  return decoded<BatchHead>(value.view(), [&](Reader& r, BatchHead& head) {
    Envelope& envelope = head.envelope;
    envelope.queue = r.varint32();
    envelope.hash = r.be64();
    envelope.accepted_at = r.time();
    envelope.job_count = static_cast<std::uint16_t>(r.varint());
    for (std::uint64_t left = r.varint(); left > 0 && r.ok(); --left)
      envelope.groups.push_back(get_group(r));
    envelope.refused = get_refused(r);
    head.defaults = piece_of(value, r.str());
    head.part.records = piece_of(value, r.rest());
  });
}

std::optional<BatchPart> decode_batch_part(const Blob& value) {
  return decoded<BatchPart>(value.view(), [&](Reader& r, BatchPart& part) {
    part.first = static_cast<JobIndex>(r.varint());
    part.records = piece_of(value, r.rest());
  });
}

std::string Receipt::encode() const {
  return encoded([&](Writer& w) {
    w.varint(queue).be64(hash);
    put_refused(w, refused);
  });
}

std::optional<Receipt> Receipt::decode(std::string_view bytes) {
  return decoded<Receipt>(bytes, [](Reader& r, Receipt& record) {
    record.queue = r.varint32();
    record.hash = r.be64();
    record.refused = get_refused(r);
  });
}

std::string OutcomesRecord::encode() const {
  return encoded([&](Writer& w) {
    w.indexes(finished).indexes(moved).varint(entries.size());
    for (const OutcomeEntry& entry : entries) {
      w.u8(static_cast<std::uint8_t>(entry.state)).indexes(entry.jobs).varint(entry.attempt);
      w.time(entry.started_at).time(entry.finished_at).str(entry.worker_id).str(entry.host);
      w.u8(entry.result_apart ? 1 : 0).str(entry.content_type).str(entry.result.view());
    }
  });
}

std::optional<OutcomesRecord> OutcomesRecord::decode(const Blob& value) {
  return decoded<OutcomesRecord>(value.view(), [&](Reader& r, OutcomesRecord& record) {
    record.finished = r.indexes();
    record.moved = r.indexes();
    for (std::uint64_t left = r.varint(); left > 0 && r.ok(); --left) {
      OutcomeEntry entry;
      entry.state = static_cast<JobState>(r.u8());
      entry.jobs = r.indexes();
      entry.attempt = r.varint32();
      entry.started_at = r.time();
      entry.finished_at = r.time();
      entry.worker_id = r.str();
      entry.host = r.str();
      entry.result_apart = r.u8() != 0;
      entry.content_type = r.str();
      entry.result = piece_of(value, r.str());
      record.entries.push_back(std::move(entry));
    }
  });
}

std::string result_head(std::string_view content_type) {
  return encoded([&](Writer& w) { w.str(content_type); });
}

bool decode_result(const Blob& value, std::string& content_type, Blob& result) {
  Reader r(value.view());
  if (r.u8() != kFormat) return false;
  content_type = r.str();
  result = piece_of(value, r.rest());
  return r.ok();
}

std::string JobRecord::encode() const {
  return encoded([&](Writer& w) {
    w.u8(static_cast<std::uint8_t>(state)).varint(attempt).varint(interruptions);
    w.varint(lane).varint(position.sequence).varint(position.slot).varint(due_ms).time(finished_at);
    w.u8(cancel_requested ? 1 : 0).varint(queue).time(accepted_at);
    w.varint(attempts.size());
    for (const AttemptView& view : attempts) put_attempt(w, view);
    w.u8(result_apart ? 1 : 0).str(result_type).str(result.view());
    w.str(defaults.view()).str(record.view());
    w.u8(group ? 1 : 0);
    if (group) put_group(w, *group);
  });
}

std::optional<JobRecord> JobRecord::decode(const Blob& value) {
  return decoded<JobRecord>(value.view(), [&](Reader& r, JobRecord& record) {
    record.state = static_cast<JobState>(r.u8());
    record.attempt = r.varint32();
    record.interruptions = r.varint32();
    record.lane = r.varint();
    record.position.sequence = r.varint();
    record.position.slot = static_cast<std::uint16_t>(r.varint());
    record.due_ms = r.varint();
    record.finished_at = r.time();
    record.cancel_requested = r.u8() != 0;
    record.queue = r.varint32();
    record.accepted_at = r.time();
    for (std::uint64_t left = r.varint(); left > 0 && r.ok(); --left)
      record.attempts.push_back(get_attempt(r));
    record.result_apart = r.u8() != 0;
    record.result_type = r.str();
    record.result = piece_of(value, r.str());
    record.defaults = piece_of(value, r.str());
    record.record = piece_of(value, r.str());
    if (r.u8() != 0) record.group = get_group(r);
  });
}

std::string encode_segment(const std::vector<ReadyRun>& runs) {
  return encoded([&](Writer& w) {
    w.varint(runs.size());
    for (const ReadyRun& run : runs) {
      w.varint(run.sequence)
          .id(run.batch)
          .indexes(run.jobs)
          .u8(run.whole ? 1 : 0)
          .varint(run.bytes);
    }
  });
}

std::optional<std::vector<ReadyRun>> decode_segment(std::string_view bytes) {
  return decoded<std::vector<ReadyRun>>(bytes, [](Reader& r, std::vector<ReadyRun>& runs) {
    for (std::uint64_t left = r.varint(); left > 0 && r.ok(); --left) {
      ReadyRun run;
      run.sequence = r.varint();
      run.batch = r.id();
      run.jobs = r.indexes();
      run.whole = r.u8() != 0;
      run.bytes = r.varint32();
      runs.push_back(std::move(run));
    }
  });
}

std::string ReadyJob::encode() const {
  return encoded([&](Writer& w) {
    w.id(job);
    w.varint(bytes);
  });
}

std::optional<ReadyJob> ReadyJob::decode(std::string_view bytes) {
  return decoded<ReadyJob>(bytes, [](Reader& r, ReadyJob& ready) {
    ready.job = r.id();
    ready.bytes = r.varint32();
  });
}

std::string LaneRecord::encode() const {
  return encoded([&](Writer& w) {
    w.varint(queue).varint(type).u8(priority).str(key);
    w.varint(head.sequence).varint(head.slot).varint(mark).varint(tail);
  });
}

std::optional<LaneRecord> LaneRecord::decode(std::string_view bytes) {
  return decoded<LaneRecord>(bytes, [](Reader& r, LaneRecord& record) {
    record.queue = r.varint32();
    record.type = r.varint32();
    record.priority = r.u8();
    record.key = r.str();
    record.head.sequence = r.varint();
    record.head.slot = static_cast<std::uint16_t>(r.varint());
    record.mark = r.varint();
    record.tail = r.varint();
  });
}

std::string AgendaRecord::encode() const {
  return encoded([&](Writer& w) {
    w.u8(static_cast<std::uint8_t>(kind))
        .indexes(jobs)
        .varint(queue)
        .varint(type)
        .u8(priority)
        .str(key);
    w.u8(whole ? 1 : 0).varint(bytes).time(listed_at);
  });
}

std::optional<AgendaRecord> AgendaRecord::decode(std::string_view bytes) {
  return decoded<AgendaRecord>(bytes, [](Reader& r, AgendaRecord& record) {
    record.kind = static_cast<Kind>(r.u8());
    record.jobs = r.indexes();
    record.queue = r.varint32();
    record.type = r.varint32();
    record.priority = r.u8();
    record.key = r.str();
    record.whole = r.u8() != 0;
    record.bytes = r.varint32();
    record.listed_at = r.time();
  });
}

std::string SessionRecord::encode() const {
  return encoded([&](Writer& w) { w.str(worker_id).str(host); });
}

std::optional<SessionRecord> SessionRecord::decode(std::string_view bytes) {
  return decoded<SessionRecord>(bytes, [](Reader& r, SessionRecord& record) {
    record.worker_id = r.str();
    record.host = r.str();
  });
}

std::string GrantRecord::encode() const {
  return encoded([&](Writer& w) {
    w.be64(session.high).be64(session.low).time(at).varint(jobs.size());
    for (const LeasedJobs& leased : jobs) {
      w.id(leased.batch)
          .varint(leased.lane)
          .varint(leased.position.sequence)
          .varint(leased.position.slot);
      w.indexes(leased.jobs).varint(leased.attempt);
    }
  });
}

std::optional<GrantRecord> GrantRecord::decode(std::string_view bytes) {
  return decoded<GrantRecord>(bytes, [](Reader& r, GrantRecord& record) {
    record.session.high = r.be64();
    record.session.low = r.be64();
    record.at = r.time();
    for (std::uint64_t left = r.varint(); left > 0 && r.ok(); --left) {
      LeasedJobs leased;
      leased.batch = r.id();
      leased.lane = r.varint();
      leased.position.sequence = r.varint();
      leased.position.slot = static_cast<std::uint16_t>(r.varint());
      leased.jobs = r.indexes();
      leased.attempt = r.varint32();
      record.jobs.push_back(std::move(leased));
    }
  });
}

std::string ClosedRecord::encode() const {
  return encoded([&](Writer& w) {
    w.varint(batches.size());
    for (const BatchId& batch : batches) w.id(batch);
    w.varint(jobs.size());
    for (const JobId& job : jobs) w.id(job);
  });
}

std::optional<ClosedRecord> ClosedRecord::decode(std::string_view bytes) {
  return decoded<ClosedRecord>(bytes, [](Reader& r, ClosedRecord& record) {
    for (std::uint64_t left = r.varint(); left > 0 && r.ok(); --left)
      record.batches.push_back(r.id());
    for (std::uint64_t left = r.varint(); left > 0 && r.ok(); --left) record.jobs.push_back(r.id());
  });
}

std::string encode_indexes(const IndexSet& jobs) {
  return encoded([&](Writer& w) { w.indexes(jobs); });
}

std::optional<IndexSet> decode_indexes(std::string_view bytes) {
  return decoded<IndexSet>(bytes, [](Reader& r, IndexSet& jobs) { jobs = r.indexes(); });
}

}  // namespace pawl::core
