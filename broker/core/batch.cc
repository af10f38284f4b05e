#include "broker/core/batch.h"

#include <algorithm>

#include "broker/core/assert.h"
#include "broker/core/bytes_io.h"

namespace pawl::core {

std::size_t record_size(std::string_view records) {
  if (records.empty()) return 0;
  Reader reader(records);
  reader.u8();  // The field's tag; every job is an entry of field 15.
  const std::string_view message = reader.str();
  if (!reader.ok()) return 0;
  return static_cast<std::size_t>(message.data() + message.size() - records.data());
}

Batch::Batch(Batches& all, BatchId batch_id) : id(batch_id), all_(all) {}

Batch::~Batch() {
  all_.bytes_ -= bytes_;
  all_.batches_.erase(id);
}

void Batch::count_bytes() {
  all_.bytes_ -= bytes_;
  bytes_ = sizeof(Batch) + defaults.size();
  for (const BatchPart& part : parts) bytes_ += part.records.size();
  all_.bytes_ += bytes_;
  if (holds_payload()) record_bytes_ = bytes_;
}

bool Batch::waits() const {
  const bool run_waits = std::any_of(runs.begin(), runs.end(), [&](const RunPlace& run) {
    IndexSet left = run.jobs;
    left.erase(finished);
    left.erase(moved);
    left.erase(leased);
    return !left.empty();
  });
  return run_waits || std::any_of(own.begin(), own.end(), [&](const auto& entry) {
           return entry.second->state == JobState::pending && !leased.contains(entry.first);
         });
}

void Batch::shed_payload() {
  parts.clear();
  defaults = {};
  cursor_ = {};
  count_bytes();
}

const GroupRecord& Batch::group_of(JobIndex index) const {
  if (groups.size() == 1) return groups.front();
  const auto found = std::find_if(groups.begin(), groups.end(), [&](const GroupRecord& group) {
    return group.jobs.contains(index);
  });
  PAWL_ASSERT(found != groups.end());
  return *found;
}

RunPlace* Batch::run_of(JobIndex index) {
  const auto found = std::find_if(runs.begin(), runs.end(),
                                  [&](const RunPlace& run) { return run.jobs.contains(index); });
  return found == runs.end() ? nullptr : &*found;
}

std::size_t Batch::step(Cursor& cursor) const {
  const std::size_t size = record_size(parts[cursor.part].records.view().substr(cursor.offset));
  PAWL_ASSERT(size > 0);
  cursor.offset += size;
  ++cursor.index;
  if (cursor.offset == parts[cursor.part].records.size() && cursor.part + 1 < parts.size()) {
    ++cursor.part;
    cursor.offset = 0;
  }
  return size;
}

void Batch::seek(Cursor& cursor, JobIndex index) const {
  if (index < cursor.index) cursor = {};
  while (cursor.part + 1 < parts.size() && parts[cursor.part + 1].first <= index) {
    ++cursor.part;
    cursor.index = parts[cursor.part].first;
    cursor.offset = 0;
  }
  while (cursor.index < index) step(cursor);
}

void Batch::records_of(const IndexSet& jobs, std::vector<Blob>& out) {
  if (jobs.count() == job_count) {
    for (const BatchPart& part : parts) out.push_back(part.records);
    return;
  }
  for (const auto& range : jobs.ranges()) {
    seek(cursor_, range.begin);
    while (cursor_.index < range.end) {
      const std::size_t part = cursor_.part;
      const std::size_t from = cursor_.offset;
      std::size_t size = 0;
      while (cursor_.index < range.end && cursor_.part == part) {
        size += step(cursor_);
        if (from + size == parts[part].records.size()) break;
      }
      out.push_back(parts[part].records.slice(from, size));
    }
  }
}

BatchPtr Batches::find(const BatchId& id) const {
  const auto found = batches_.find(id);
  return found == batches_.end() ? nullptr : found->second.lock();
}

BatchPtr Batches::create(const BatchId& id) {
  auto batch = std::make_shared<Batch>(*this, id);
  batches_[id] = batch;
  return batch;
}

}  // namespace pawl::core
