#include "broker/core/fsck.h"

#include "broker/core/batch.h"
#include "broker/core/bytes_io.h"
#include "broker/core/fsck_books.h"

namespace pawl::core {

namespace {

constexpr std::size_t kFindingsKept = 1000;

}  // namespace

std::string text_of(const JobId& id) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint64_t half : {id.high, id.low}) {
    for (int shift = 60; shift >= 0; shift -= 4) text.push_back(kDigits[(half >> shift) & 0xf]);
  }
  return text;
}

Fsck::Fsck() : books_(std::make_unique<Books>()) {}

Fsck::~Fsck() = default;

void Fsck::add(Table table, std::string_view key, const Blob& value) {
  books_->add(table, key, value);
}

FsckReport Fsck::finish() {
  Books& books = *books_;
  books.check_names();
  books.check_lanes();
  for (const auto& [place, runs] : books.segments)
    books.check_segment(place.first, place.second, runs);
  for (const auto& [place, job] : books.ready_jobs)
    books.check_ready_job(place.first, place.second, job);
  books.check_agenda();
  books.check_leases();
  for (auto& [id, batch] : books.batches) books.check_batch(id, batch);
  books.check_listed();
  books.check_dead();
  books.check_counts();
  books.report.lanes = books.lanes.size();
  books.report.sessions = books.sessions.size();
  books.report.grants = books.grants.size();
  return std::move(books.report);
}

FsckReport check_tables(const std::vector<StoredRow>& rows) {
  Fsck fsck;
  for (const StoredRow& row : rows) fsck.add(row.table, row.key, row.value);
  return fsck.finish();
}

void Fsck::Books::found(std::string what) {
  ++report.findings_count;
  if (report.findings.size() < kFindingsKept) report.findings.push_back(std::move(what));
}

void Fsck::Books::add(Table table, std::string_view key, const Blob& value) {
  const std::uint64_t before = report.findings_count;
  switch (table) {
    case Table::meta:
      return add_meta(key, value);
    case Table::batches:
      return add_batch_part(key, value);
    case Table::outcomes:
      return add_outcomes(key, value);
    case Table::results: {
      const JobId id = Reader(key).id();
      batches[id.batch()].results.insert(id.index());
      return;
    }
    case Table::jobs:
      return add_own(key, value);
    case Table::ready:
      return add_ready(key, value);
    case Table::lanes:
      if (auto lane = LaneRecord::decode(value.view())) {
        lanes.emplace(Reader(key).be64(), std::move(*lane));
        return;
      }
      break;
    case Table::agenda:
      if (auto waiting = AgendaRecord::decode(value.view()); waiting && key.size() == 27) {
        agenda.emplace(key, std::move(*waiting));
        return;
      }
      break;
    case Table::leases:
      return add_lease(key, value);
    case Table::closed:
      return add_closed(value);
    case Table::listed:
      if (auto jobs = decode_indexes(value.view())) {
        listed.emplace(key, std::move(*jobs));
        return;
      }
      break;
    case Table::dead:
      dead.emplace(key);
      return;
    default:
      break;
  }
  if (report.findings_count == before)
    found("a row of table " + std::string(to_string(table)) + " is damaged or of another format");
}

void Fsck::Books::add_meta(std::string_view key, const Blob& value) {
  Reader reader(key);
  switch (reader.u8()) {
    case 'e':
      engine = EngineRecord::decode(value.view());
      if (!engine) found("the engine's record in meta is damaged");
      return;
    case 'q':
      if (auto name = QueueName::decode(value.view()))
        queues.emplace(reader.be32(), std::move(*name));
      else
        found("a queue's name in meta is damaged");
      return;
    case 't':
      if (auto name = decode_type_name(value.view()))
        types.emplace(reader.be32(), std::move(*name));
      else
        found("a type's name in meta is damaged");
      return;
    case 'c':
      if (const auto count = CountsRecord::decode(value.view()))
        counts.emplace(reader.be32(), *count);
      else
        found("the counts of a queue in meta are damaged");
      return;
    default:
      found("meta has a key of an unknown kind");
  }
}

// The jobs of a part follow those of the part before.
void Fsck::Books::count_records(const BatchId& id, Batch& batch, const BatchPart& part) {
  if (part.first != batch.records) found("a part of batch " + text_of(id) + " is missing");
  std::string_view rest = part.records.view();
  while (!rest.empty()) {
    const std::size_t size = record_size(rest);
    if (size == 0) return found("a job of batch " + text_of(id) + " is cut short");
    rest.remove_prefix(size);
    ++batch.records;
  }
}

void Fsck::Books::add_batch_part(std::string_view key, const Blob& value) {
  Reader reader(key);
  const BatchId id = reader.id();
  const std::uint16_t number = reader.be16();
  Batch& batch = batches[id];
  if (number == keys::kReceiptPart) {
    batch.receipt = true;
    if (!Receipt::decode(value.view()))
      found("the receipt of batch " + text_of(id) + " is damaged");
    return;
  }
  if (number != 0) {
    const auto part = decode_batch_part(value);
    if (!part) return found("a part of batch " + text_of(id) + " is damaged");
    return count_records(id, batch, *part);
  }
  auto head = decode_batch_head(value);
  if (!head) return found("the envelope of batch " + text_of(id) + " is damaged");
  batch.envelope = std::move(head->envelope);
  count_records(id, batch, head->part);
}

void Fsck::Books::add_outcomes(std::string_view key, const Blob& value) {
  Reader reader(key);
  const BatchId id = reader.id();
  const CommitSeq seq = reader.be64();
  auto outcomes = OutcomesRecord::decode(value);
  if (!outcomes) return found("outcomes of batch " + text_of(id) + " are damaged");
  Batch& batch = batches[id];
  if (!outcomes->finished.includes(batch.finished))
    found("a job of batch " + text_of(id) + " had ended and has not any more");
  batch.any_outcomes = true;
  batch.finished = std::move(outcomes->finished);
  batch.moved = std::move(outcomes->moved);
  for (OutcomeEntry& entry : outcomes->entries) {
    entry.result = {};
    batch.entries.emplace_back(seq, std::move(entry));
  }
}

void Fsck::Books::add_own(std::string_view key, const Blob& value) {
  const JobId id = Reader(key).id();
  auto own = JobRecord::decode(value);
  if (!own) return found("the record of job " + text_of(id) + " is damaged");
  own->result = {};
  own->record = own->group ? Blob::copy_of("kept") : Blob();
  batches[id.batch()].own.emplace(id.index(), std::move(*own));
}

void Fsck::Books::add_ready(std::string_view key, const Blob& value) {
  Reader reader(key);
  const LaneNumber number = reader.be64();
  Position position;
  position.sequence = reader.be64();
  position.slot = reader.be16();
  if (position.slot == 0) {
    if (auto runs = decode_segment(value.view())) {
      segments.emplace(std::pair(number, position), std::move(*runs));
      return;
    }
  } else if (const auto job = ReadyJob::decode(value.view())) {
    ready_jobs.emplace(std::pair(number, position), job->job);
    return;
  }
  found("a ready entry of lane " + std::to_string(number) + " is damaged");
}

void Fsck::Books::add_lease(std::string_view key, const Blob& value) {
  Reader reader(key);
  const std::uint8_t kind = reader.u8();
  if (kind == 's' && SessionRecord::decode(value.view())) {
    const std::uint64_t high = reader.be64();
    sessions.insert({high, reader.be64()});
  } else if (auto grant = GrantRecord::decode(value.view()); kind == 'g' && grant) {
    grants.emplace(Token{reader.be64()}, std::move(*grant));
  } else {
    found("a row of table leases is damaged or of another format");
  }
}

void Fsck::Books::add_closed(const Blob& value) {
  const auto closed = ClosedRecord::decode(value.view());
  if (!closed) return found("a row of table closed is damaged");
  // What has been reaped meanwhile may still be named.
  for (const BatchId& id : closed->batches) batches[id].in_closed = true;
  for (const JobId& id : closed->jobs) batches[id.batch()].own_in_closed.insert(id.index());
}

}  // namespace pawl::core
