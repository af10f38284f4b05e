#include <algorithm>
#include <iterator>
#include <utility>

#include "broker/core/assert.h"
#include "broker/core/bytes_io.h"
#include "broker/core/engine_state.h"

namespace pawl::core {

namespace {

// The tables of a batch tell themselves apart by the length of their keys.
constexpr std::size_t kJobKeyBytes = 16;
constexpr std::size_t kPartKeyBytes = 18;
constexpr std::size_t kOutcomesKeyBytes = 24;

// A batch that stays for long must not keep everything that was read beside it.
Blob alone(const Blob& value) {
  return value.size() < kOwnMemoryBytes ? Blob::copy_of(value.view()) : value;
}

std::optional<BatchHead> decode_head(const View::Row& row) {
  auto head = decode_batch_head(alone(row.value));
  PAWL_ASSERT(head);
  return head;
}

void add_head(Batch& batch, const BatchHead& head) {
  batch.defaults = head.defaults;
  batch.parts.push_back(head.part);
}

void add_part(Batch& batch, const View::Row& row) {
  auto part = decode_batch_part(alone(row.value));
  PAWL_ASSERT(part);
  batch.parts.push_back(std::move(*part));
}

}  // namespace

// Runs `user` with the batch, at once when it is in memory, or with null when there is no such
// batch. Users of one batch keep their order.
void Engine::State::with_batch(const BatchId& id, BatchUser user) {
  const auto waiting = loading_batches.find(id);
  if (waiting != loading_batches.end()) {
    waiting->second.push_back(std::move(user));
    return;
  }
  if (const BatchPtr known = batches.find(id)) return user(known);
  loading_batches[id].push_back(std::move(user));
  Read read;
  keys::add_all_of_batch(id, read.ranges);
  read.bytes_max = SIZE_MAX;
  reads.ask(std::move(read), [this, id](View& view) {
    BatchPtr batch = batches.find(id);
    if (batch == nullptr) batch = install_batch(id, view, 0, view.rows.size());
    serve_users(id, batch);
    if (batch != nullptr) shed(*batch);
  });
}

// Runs what waits for the batch, as much as one commit takes; new users wait behind the rest.
void Engine::State::serve_users(const BatchId& id, const BatchPtr& batch) {
  auto users = std::move(loading_batches.at(id));
  loading_batches.erase(id);
  for (auto user = users.begin(); user != users.end(); ++user) {
    if (batch != nullptr && is_full()) {
      loading_batches[id].assign(std::make_move_iterator(user),
                                 std::make_move_iterator(users.end()));
      return put_off([this, id, batch] { serve_users(id, batch); });
    }
    (*user)(batch);
  }
}

// Makes a batch of its rows [first, end); null when part 0 is not among them.
BatchPtr Engine::State::install_batch(const BatchId& id, const View& view, std::size_t first,
                                      std::size_t end) {
  if (first == end || view.rows[first].key != keys::batch_part(id, 0)) return nullptr;
  const std::optional<BatchHead> head = decode_head(view.rows[first]);
  BatchPtr batch = batches.create(id);
  batch->queue = head->envelope.queue;
  batch->accepted_at = head->envelope.accepted_at;
  batch->job_count = head->envelope.job_count;
  batch->groups.assign(head->envelope.groups.begin(), head->envelope.groups.end());
  add_head(*batch, *head);
  for (const RefusedJob& job : head->envelope.refused) batch->finished.insert(job.index);
  for (std::size_t i = first + 1; i < end; ++i) {
    const View::Row& row = view.rows[i];
    if (row.key.size() == kPartKeyBytes) {
      add_part(*batch, row);
    } else if (row.key.size() == kOutcomesKeyBytes) {
      auto outcomes = OutcomesRecord::decode(row.value);
      PAWL_ASSERT(outcomes);
      batch->finished = outcomes->finished;
      batch->moved = outcomes->moved;
    } else if (row.key.size() == kJobKeyBytes) {
      auto own = JobRecord::decode(alone(row.value));
      PAWL_ASSERT(own);
      if (!is_final(own->state)) {
        batch->own[Reader(row.key).id().index()] = std::make_unique<JobRecord>(std::move(*own));
      }
    }
  }
  batch->count_bytes();
  adopt_leases(batch);
  return batch;
}

// Makes every batch of the rows that is not in memory yet. They live as long as the answer is held.
std::vector<BatchPtr> Engine::State::install_batches(const View& view) {
  std::vector<BatchPtr> came;
  for (std::size_t first = 0; first < view.rows.size();) {
    const BatchId id = Reader(view.rows[first].key).id().batch();
    std::size_t end = first + 1;  // The rows of a batch follow each other.
    while (end < view.rows.size() && Reader(view.rows[end].key).id().batch() == id) ++end;
    BatchPtr batch = batches.find(id);
    if (batch == nullptr) batch = install_batch(id, view, first, end);
    if (batch != nullptr) came.push_back(std::move(batch));
    first = end;
  }
  return came;
}

// When the window is full, the bytes of jobs that only run need not stay: however many are leased,
// and however large they are, memory stays bounded.
void Engine::State::shed(Batch& batch) {
  if (window_has_room(0) || !batch.holds_payload() || batch.waits()) return;
  batch.shed_payload();
}

// Jobs came back whose bytes were shed: the lane waits for them.
void Engine::State::reload(Lane& lane, const BatchPtr& batch) {
  lane.reloading = true;
  ++names.queue(lane.queue).lanes_loading;
  std::vector<LaneNumber>& waiting = reloading_batches[batch->id];
  waiting.push_back(lane.number);
  if (waiting.size() > 1) return;
  Read read;
  read.ranges.push_back(keys::of_batch(Table::batches, batch->id));
  read.bytes_max = SIZE_MAX;
  reads.ask(std::move(read), [this, batch](View& view) { reloaded(*batch, view); });
}

void Engine::State::reloaded(Batch& batch, const View& view) {
  if (!view.rows.empty() && view.rows.front().key == keys::batch_part(batch.id, 0)) {
    add_head(batch, *decode_head(view.rows.front()));
    for (std::size_t i = 1; i < view.rows.size(); ++i) add_part(batch, view.rows[i]);
    batch.count_bytes();
  } else {
    PAWL_ASSERT(!batch.waits());  // Cancelled and reaped meanwhile.
  }
  const auto waiting = reloading_batches.extract(batch.id);
  for (const LaneNumber number : waiting.mapped()) {
    Lane* lane = find_lane(number);
    PAWL_ASSERT(lane != nullptr && lane->reloading);
    lane->reloading = false;
    --names.queue(lane->queue).lanes_loading;
    touch(*lane);
    wake(*lane);
  }
}

// Leases that outlived a restart meet their batch.
void Engine::State::adopt_leases(const BatchPtr& batch) {
  const auto found = restored_leases.find(batch->id);
  if (found == restored_leases.end()) return;
  for (const Token token : found->second) {
    Grant* grant = sessions.find_grant(token);
    if (grant == nullptr) continue;
    for (GrantPart& part : grant->parts) {
      if (part.leased.batch != batch->id || part.leased.jobs.empty()) continue;
      part.batch = batch;
      batch->leased.insert(part.leased.jobs);
      batch->leased_before.insert(part.leased.jobs);
      batch->tokens.push_back(token);
    }
  }
  restored_leases.erase(found);
}

}  // namespace pawl::core
