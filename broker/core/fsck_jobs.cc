// Each job is in exactly one state, and stands where that state wants it.

#include "broker/core/bytes_io.h"
#include "broker/core/fsck_books.h"

namespace pawl::core {

namespace {

bool stands_ready(JobState state) {
  return state == JobState::pending || state == JobState::processing;
}

}  // namespace

const GroupRecord* Fsck::Books::Batch::group_of(JobIndex index) const {
  if (!envelope) return nullptr;
  for (const GroupRecord& group : envelope->groups) {
    if (group.jobs.contains(index)) return &group;
  }
  return nullptr;
}

IndexSet Fsck::Books::Batch::refused() const {
  IndexSet jobs;
  for (const RefusedJob& job : envelope->refused) jobs.insert(job.index);
  return jobs;
}

// ---- the ready table

bool Fsck::Books::lane_fits(LaneNumber number, QueueNumber queue, const GroupRecord& group) const {
  const auto lane = lanes.find(number);
  return lane != lanes.end() && lane->second.queue == queue && lane->second.type == group.type &&
         lane->second.priority == group.priority && lane->second.key == group.key;
}

void Fsck::Books::check_segment(LaneNumber number, Position position,
                                const std::vector<ReadyRun>& runs) {
  const std::string name = "a ready entry of lane " + std::to_string(number);
  const auto lane = lanes.find(number);
  if (lane == lanes.end()) return found(name + " has no lane");
  if (runs.empty() || runs.front().sequence != position.sequence)
    return found(name + " is not where its first run is");
  if (position < lane->second.head) found(name + " stands before the lane's head");
  if (runs.back().sequence > lane->second.tail) found(name + " stands behind the lane's tail");
  Sequence last = 0;
  for (const ReadyRun& run : runs) {
    if (run.sequence <= last) found(name + " is out of order");
    last = run.sequence;
    check_run(number, run);
  }
}

void Fsck::Books::check_run(LaneNumber number, const ReadyRun& run) {
  const auto known = batches.find(run.batch);
  if (known == batches.end() || !known->second.envelope) return;  // Over and reaped.
  Batch& batch = known->second;
  const std::string name = "the run of batch " + text_of(run.batch);
  const GroupRecord* group = run.jobs.empty() ? nullptr : batch.group_of(run.jobs.first());
  if (group == nullptr || !group->jobs.includes(run.jobs))
    return found(name + " is no part of a group");
  if (!lane_fits(number, batch.envelope->queue, *group)) found(name + " stands in a foreign lane");
  if (run.whole && run.jobs != batch.all()) found(name + " is not whole");
  if (run.whole && batch.any_outcomes && run.sequence > lanes.at(number).mark)
    found(name + " has outcomes, but the lane's mark stands before it");
  IndexSet open = run.jobs;
  open.erase(batch.finished);
  open.erase(batch.moved);
  if (open.intersects(batch.waiting))
    found("a job of batch " + text_of(run.batch) + " waits twice");
  batch.waiting.insert(open);
}

void Fsck::Books::check_ready_job(LaneNumber number, Position position, const JobId& id) {
  const auto known = batches.find(id.batch());
  const std::string name = "the ready entry of job " + text_of(id);
  if (known == batches.end()) return found(name + " has no job");
  const Batch& batch = known->second;
  const auto own = batch.own.find(id.index());
  if (own == batch.own.end() || !stands_ready(own->second.state) || own->second.lane != number ||
      own->second.position != position) {
    return found(name + " has no job that stands there");
  }
  const auto lane = lanes.find(number);
  if (lane == lanes.end()) return found(name + " has no lane");
  if (position < lane->second.head) found(name + " stands before the lane's head");
  if (position.sequence > lane->second.tail) found(name + " stands behind the lane's tail");
  const GroupRecord* group = batch.group_of(id.index());
  if (group != nullptr && !lane_fits(number, own->second.queue, *group))
    found(name + " stands in a foreign lane");
}

// ---- the agenda

void Fsck::Books::check_agenda() {
  for (const auto& [key, record] : agenda) {
    if (record.kind == AgendaRecord::Kind::run) {
      check_agenda_run(key, record);
      continue;
    }
    Reader reader(key);
    reader.u8();
    const std::uint64_t due_ms = reader.be64();
    const JobId batch_id = reader.id();
    const JobId id = batch_id.job(reader.be16());
    const auto batch = batches.find(batch_id);
    const bool stands = batch != batches.end() && batch->second.own.count(id.index()) != 0 &&
                        batch->second.own.at(id.index()).state == JobState::retrying &&
                        batch->second.own.at(id.index()).due_ms == due_ms;
    if (!stands) {
      found("the agenda holds job " + text_of(id) + ", which is not retrying then");
      continue;
    }
    expect_listed({record.queue, JobState::retrying, record.type, record.listed_at, batch_id,
                   keys::kListedAlone | id.index()},
                  IndexSet::single(id.index()));
  }
}

void Fsck::Books::check_agenda_run(const std::string& key, const AgendaRecord& record) {
  Reader reader(key);
  const auto clock = static_cast<keys::AgendaClock>(reader.u8());
  const std::uint64_t due_ms = reader.be64();
  const BatchId id = reader.id();
  const JobIndex first = reader.be16();
  const std::string name = "the delayed run of batch " + text_of(id);
  const auto known = batches.find(id);
  if (known == batches.end() || !known->second.envelope) return found(name + " has no batch");
  Batch& batch = known->second;
  const GroupRecord* group = record.jobs.empty() ? nullptr : batch.group_of(record.jobs.first());
  if (group == nullptr || !group->jobs.includes(record.jobs))
    return found(name + " is no part of a group");
  if (group->due_ms != due_ms || group->clock != clock || group->jobs.first() != first)
    found(name + " does not stand at its time");
  if (record.queue != batch.envelope->queue || record.type != group->type ||
      record.priority != group->priority || record.key != group->key)
    found(name + " has other facts than its batch");
  if (record.jobs.intersects(batch.finished) || record.jobs.intersects(batch.moved))
    found(name + " holds jobs that are not scheduled any more");
  batch.scheduled.insert(record.jobs);
  expect_listed({record.queue, JobState::scheduled, record.type, record.listed_at, id, first},
                record.jobs);
}

// ---- batches

void Fsck::Books::check_batch(const BatchId& id, Batch& batch) {
  report.receipts += batch.receipt ? 1 : 0;
  check_own(id, batch);
  if (!batch.envelope) {
    const bool empty = !batch.any_outcomes && batch.records == 0 && batch.results.empty();
    if (!empty) found("parts of batch " + text_of(id) + " are left without its envelope");
    settle_states(id, batch);
    return;
  }
  ++report.batches;
  if (batch.receipt) found("batch " + text_of(id) + " has a receipt and is still there");
  check_envelope(id, batch);
  check_outcomes(id, batch);
  check_end(id, batch);
  settle_states(id, batch);
}

void Fsck::Books::check_envelope(const BatchId& id, const Batch& batch) {
  const Envelope& envelope = *batch.envelope;
  const std::string name = "batch " + text_of(id);
  if (batch.records != envelope.job_count)
    found(name + " has " + std::to_string(batch.records) + " jobs, its envelope says " +
          std::to_string(envelope.job_count));
  if (queues.count(envelope.queue) == 0) found(name + " is in an unknown queue");
  IndexSet covered = batch.refused();
  for (const GroupRecord& group : envelope.groups) {
    if (types.count(group.type) == 0) found(name + " has jobs of an unknown type");
    if (covered.intersects(group.jobs)) found(name + " has a job in two groups");
    covered.insert(group.jobs);
  }
  if (covered != batch.all()) found(name + " has jobs in no group");
}

// What has ended has one outcome; what has moved has a record of its own; the rest waits once.
void Fsck::Books::check_outcomes(const BatchId& id, const Batch& batch) {
  const std::string name = "of batch " + text_of(id);
  IndexSet ended = batch.refused();
  IndexSet apart;
  for (const auto& [seq, entry] : batch.entries) {
    if (ended.intersects(entry.jobs)) found("a job " + name + " has two outcomes");
    ended.insert(entry.jobs);
    if (entry.result_apart) apart.insert(entry.jobs);
    for (const GroupRecord& group : batch.envelope->groups) {
      const IndexSet jobs = group.jobs.common(entry.jobs);
      if (!jobs.empty()) {
        expect_listed({batch.envelope->queue, entry.state, group.type, entry.finished_at, id, seq},
                      jobs);
      }
    }
  }
  IndexSet moved;
  for (const auto& [index, own] : batch.own) {
    if (ended.contains(index)) found("a job " + name + " has an outcome and a record of its own");
    (is_final(own.state) ? ended : moved).insert(index);
    if (own.result_apart) apart.insert(index);
  }
  if (ended != (batch.any_outcomes ? batch.finished : batch.refused()))
    found("the jobs " + name + " that have ended are not those that it says");
  if (moved != batch.moved)
    found("the jobs " + name + " that have moved are not those that it says");
  if (apart != batch.results)
    found("the results " + name + " are not those that its outcomes name");
  IndexSet left = batch.all();
  left.erase(ended);
  left.erase(moved);
  if (batch.waiting.intersects(batch.scheduled))
    found("a job " + name + " is pending and scheduled");
  IndexSet placed = batch.waiting;
  placed.insert(batch.scheduled);
  if (placed != left) found("a job " + name + " waits nowhere, or waits and is done");
}

void Fsck::Books::check_end(const BatchId& id, const Batch& batch) {
  const bool over = (batch.any_outcomes ? batch.finished : batch.refused()) == batch.all();
  if (over && !batch.in_closed) found("batch " + text_of(id) + " is over and will never be reaped");
  if (!over && batch.in_closed) found("batch " + text_of(id) + " will be reaped and is not over");
}

void Fsck::Books::check_own(const BatchId& id, const Batch& batch) {
  for (const auto& [index, own] : batch.own) {
    const std::string name = "job " + text_of(id.job(index));
    const GroupRecord* group = batch.group_of(index);
    if (group == nullptr && own.group) group = &*own.group;
    if (group == nullptr) {
      found(name + " has a record of its own and no batch");
      continue;
    }
    if (batch.envelope && batch.envelope->queue != own.queue) found(name + " is in two queues");
    const auto ready = ready_jobs.find({own.lane, own.position});
    const bool entered = ready != ready_jobs.end() && ready->second == id.job(index);
    if (stands_ready(own.state) && !entered) found(name + " is ready and stands nowhere");
    const std::string due = keys::agenda(keys::AgendaClock::timeline, own.due_ms, id.job(index));
    if (own.state == JobState::retrying && agenda.count(due) == 0)
      found(name + " waits for its next attempt, but not in the agenda");
    if (own.state == JobState::failed &&
        dead.count(keys::dead(own.queue, own.finished_at, id.job(index))) == 0)
      found(name + " has failed and is no dead letter");
    if (is_final(own.state)) {
      expect_listed(
          {own.queue, own.state, group->type, own.finished_at, id, keys::kListedAlone | index},
          IndexSet::single(index));
    }
    if (batch.envelope) continue;
    if (own.state != JobState::failed || own.record.empty())
      found(name + " is left without its batch");
    if (!batch.own_in_closed.contains(index)) found(name + " will never be reaped");
  }
}

void Fsck::Books::settle_states(const BatchId& id, const Batch& batch) {
  if (!batch.envelope && batch.own.empty()) return;
  std::vector<JobState>& states = report.states[id];
  states.resize(batch.envelope ? batch.envelope->job_count : batch.own.rbegin()->first + 1U);
  const auto set = [&](const IndexSet& jobs, JobState state) {
    jobs.for_each([&](JobIndex index) {
      if (index < states.size()) states[index] = state;
    });
  };
  set(batch.waiting, JobState::pending);
  set(batch.scheduled, JobState::scheduled);
  for (const auto& [seq, entry] : batch.entries) set(entry.jobs, entry.state);
  for (const auto& [index, own] : batch.own)
    set(IndexSet::single(index), stands_ready(own.state) ? JobState::pending : own.state);
  set(batch.leased, JobState::processing);
  for (const JobState state : states) {
    if (state != JobState::none) ++report.jobs[static_cast<std::size_t>(state)];
  }
}

}  // namespace pawl::core
