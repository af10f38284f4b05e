#include <algorithm>
#include <set>
#include <tuple>

#include "broker/core/assert.h"
#include "broker/core/engine_state.h"

namespace pawl::core {

namespace {

std::string age_text(std::uint64_t id_ms, std::uint64_t now_ms) {
  return id_ms > now_ms ? std::to_string(id_ms - now_ms) + " ms ahead of"
                        : std::to_string(now_ms - id_ms) + " ms behind";
}

bool id_time_fits(std::uint64_t id_ms, std::uint64_t now_ms) {
  return id_ms <= now_ms + static_cast<std::uint64_t>(limits::kIdAheadMax.count()) &&
         id_ms + static_cast<std::uint64_t>(Milliseconds{limits::kReceiptWindow}.count()) >= now_ms;
}

}  // namespace

void Engine::State::enqueue(const std::shared_ptr<Enqueue>& command) {
  if (stopping)
    return refuse(command->ticket, Errc::unavailable, "the broker is stopping", Milliseconds{1000});
  if (!id_time_fits(command->batch.time_ms(), to_ms(now.at))) {
    return refuse(command->ticket, Errc::id_expired,
                  "the batch id's time is " + age_text(command->batch.time_ms(), to_ms(now.at)) +
                      " the broker's clock; make a fresh id with the time that Hello gave");
  }
  if (id_filter.surely_new(command->batch)) return accept(*command);
  const std::size_t bytes = bytes_of(*command);
  if (!may_wait(command->ticket, bytes)) return;
  Read read;
  for (const std::uint16_t part : {std::uint16_t{0}, keys::kReceiptPart}) {
    const std::string key = keys::batch_part(command->batch, part);
    read.ranges.push_back({Table::batches, key, key + '\0'});
  }
  reads.ask(std::move(read), [this, command, held = hold_bytes(bytes)](View& view) {
    if (view.rows.empty()) {
      accept(*command);
    } else {
      answer_known(*command, view);
    }
  });
}

// The id is taken: by the same bytes, then it is the same request sent again; or by others.
void Engine::State::answer_known(const Enqueue& command, const View& view) {
  const View::Row& row = view.rows.front();
  std::uint64_t hash = 0;
  QueueNumber queue = 0;
  std::vector<RefusedJob> refused;
  if (auto head = decode_batch_head(row.value);
      row.key == keys::batch_part(command.batch, 0) && head) {
    hash = head->envelope.hash;
    queue = head->envelope.queue;
    refused = std::move(head->envelope.refused);
  } else if (auto receipt = Receipt::decode(row.value.view())) {
    hash = receipt->hash;
    queue = receipt->queue;
    refused = std::move(receipt->refused);
  }
  const Queue* asked = names.find_queue(command.ns, command.queue);
  if (asked == nullptr || asked->number != queue || hash != command.hash) {
    return refuse(command.ticket, Errc::id_conflict,
                  "this batch id belongs to another request; make a fresh id");
  }
  reply(command.ticket, Accepted{std::move(refused), asked->settings->durability, true},
        open_seq());
}

bool Engine::State::lanes_left_for(const Enqueue& command, const Queue* queue) {
  if (lanes.size() + command.groups.size() <= settings.lanes_max) return true;
  std::set<std::tuple<std::string_view, std::uint8_t, std::string_view>> fresh;
  for (const JobGroup& group : command.groups) {
    const Type* type = names.find_type(group.type);
    const bool known =
        queue != nullptr && type != nullptr &&
        lanes_by_name.count({queue->number, type->number, group.priority, group.key}) != 0;
    if (!known) fresh.emplace(group.type, group.priority, group.key);
  }
  return lanes.size() + fresh.size() <= settings.lanes_max;
}

GroupRecord Engine::State::make_group(const JobGroup& group, const QueueSettings& defaults) {
  GroupRecord made;
  made.type = intern_type(group.type);
  made.priority = group.priority;
  made.key = group.key;
  made.options = group.options;
  JobOptions& options = made.options;
  if (options.max_attempts == 0) options.max_attempts = defaults.max_attempts;
  if (options.backoff.count() == 0) options.backoff = defaults.backoff;
  if (options.backoff_max.count() == 0) options.backoff_max = defaults.backoff_max;
  options.backoff_max = std::max(options.backoff_max, options.backoff);
  if (!options.retention) options.retention = defaults.retention;
  made.jobs = group.jobs;
  if (group.due.kind == Due::Kind::delay && group.due.delay.count() > 0) {
    made.due_ms = to_ms(now.at + group.due.delay);
  } else if (group.due.kind == Due::Kind::run_at && group.due.run_at > now.wall) {
    made.due_ms = to_ms(group.due.run_at);
    made.clock = keys::AgendaClock::wall;
  }
  return made;
}

Envelope Engine::State::make_envelope(const Enqueue& command, const Queue& queue) {
  Envelope envelope;
  envelope.queue = queue.number;
  envelope.hash = command.hash;
  envelope.accepted_at = now.at;
  envelope.job_count = command.job_count;
  envelope.refused = command.refused;
  envelope.groups.reserve(command.groups.size());
  for (const JobGroup& group : command.groups)
    envelope.groups.push_back(make_group(group, *queue.settings));
  return envelope;
}

// Cuts the client's bytes between jobs; what is short enough stays in one piece.
void Engine::State::put_parts(const Enqueue& command, const Envelope& envelope) {
  std::string head;
  envelope.encode(head, command.defaults.view());
  std::uint16_t part = 0;
  JobIndex index = 0;
  std::size_t from = 0;
  const std::string_view all = command.jobs.view();
  do {
    std::size_t end = all.size();
    JobIndex next = index;
    if (end - from > limits::kPartBytes) {
      end = from;
      do {
        const std::size_t size = record_size(all.substr(end));
        PAWL_ASSERT(size > 0);
        end += size;
        ++next;
      } while (end < all.size() && end - from + record_size(all.substr(end)) <= limits::kPartBytes);
    }
    open->put_new(Table::batches, keys::batch_part(command.batch, part),
                  part == 0 ? head : part_header(index), command.jobs.slice(from, end - from));
    ++part;
    index = next;
    from = end;
  } while (from < all.size());
}

void Engine::State::accept(Enqueue& command) {
  if (admission == Admission::Kind::disk_full) {
    return refuse(command.ticket, Errc::disk_full,
                  "the broker's disk is nearly full; it takes no new jobs", Milliseconds{5000});
  }
  const Queue* known = names.find_queue(command.ns, command.queue);
  if (!names_left_for(command, known)) {
    return refuse(command.ticket, Errc::overloaded, "there are too many queues or types",
                  Milliseconds{1000});
  }
  if (!lanes_left_for(command, known)) {
    return refuse(command.ticket, Errc::overloaded,
                  "too many keys are in use; use fewer or wait until they are done",
                  Milliseconds{1000});
  }
  Queue& queue = intern_queue(command.ns, command.queue);
  sync_for(queue);
  const Envelope envelope = make_envelope(command, queue);
  put_parts(command, envelope);
  id_filter.insert(command.batch);
  record.id_time_max = std::max(record.id_time_max, command.batch.time_ms());

  const bool whole = envelope.groups.size() == 1 && envelope.refused.empty();
  const auto bytes = static_cast<std::uint32_t>(command.jobs.size() + command.defaults.size());
  BatchPtr batch;
  for (const GroupRecord& group : envelope.groups) {
    if (group.due_ms != 0) {
      schedule_run(command.batch, queue, group, whole, bytes);
      continue;
    }
    Lane& lane = lane_for(queue, group.type, group.priority, group.key);
    if (batch == nullptr && lane.all_loaded() && window_has_room(bytes + sizeof(Batch))) {
      batch = make_batch(command, envelope);
    }
    change_state(queue, JobState::none, JobState::pending, group.jobs.count());
    append_run(lane, {next_sequence(), command.batch, group.jobs, whole, bytes}, batch);
  }
  reply(command.ticket, Accepted{command.refused, queue.settings->durability, false}, open_seq());
  if (envelope.groups.empty()) close_at(now.at).batches.push_back(command.batch);
}

BatchPtr Engine::State::make_batch(const Enqueue& command, const Envelope& envelope) {
  BatchPtr batch = batches.create(command.batch);
  batch->queue = envelope.queue;
  batch->accepted_at = envelope.accepted_at;
  batch->job_count = envelope.job_count;
  batch->groups.assign(envelope.groups.begin(), envelope.groups.end());
  batch->defaults = command.defaults;
  batch->parts.push_back({0, command.jobs});
  for (const RefusedJob& job : envelope.refused) batch->finished.insert(job.index);
  batch->count_bytes();
  return batch;
}

// The run waits in the agenda; its jobs are scheduled.
void Engine::State::schedule_run(const BatchId& batch, Queue& queue, const GroupRecord& group,
                                 bool whole, std::uint32_t bytes) {
  AgendaRecord waiting;
  waiting.kind = AgendaRecord::Kind::run;
  waiting.jobs = group.jobs;
  waiting.queue = queue.number;
  waiting.type = group.type;
  waiting.priority = group.priority;
  waiting.key = group.key;
  waiting.whole = whole;
  waiting.bytes = bytes;
  waiting.listed_at = now.at;
  const JobIndex first = group.jobs.first();
  const std::string key = keys::agenda(group.clock, group.due_ms, batch.job(first));
  open->put(Table::agenda, key, waiting.encode());
  open->put(Table::listed,
            keys::listed({queue.number, JobState::scheduled, group.type, now.at, batch, first}),
            encode_indexes(group.jobs));
  agenda_of(group.clock).put(key, std::move(waiting));
  change_state(queue, JobState::none, JobState::scheduled, group.jobs.count());
}

}  // namespace pawl::core
