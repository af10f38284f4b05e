#include <algorithm>
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
    auto users = std::move(loading_batches.at(id));
    loading_batches.erase(id);
    for (BatchUser& user_of_batch : users) user_of_batch(batch);
  });
}

// Makes a batch of its rows [first, end); null when part 0 is not among them.
BatchPtr Engine::State::install_batch(const BatchId& id, const View& view, std::size_t first,
                                      std::size_t end) {
  std::optional<BatchHead> head;
  // Copied: a batch that stays for long must not keep everything that was read beside it.
  if (first < end && view.rows[first].key == keys::batch_part(id, 0))
    head = decode_batch_head(Blob::copy_of(view.rows[first].value.view()));
  if (!head) return nullptr;
  BatchPtr batch = batches.create(id);
  batch->queue = head->envelope.queue;
  batch->accepted_at = head->envelope.accepted_at;
  batch->job_count = head->envelope.job_count;
  batch->groups.assign(head->envelope.groups.begin(), head->envelope.groups.end());
  batch->defaults = head->defaults;
  batch->parts.push_back(std::move(head->part));
  for (const RefusedJob& job : head->envelope.refused) batch->finished.insert(job.index);
  for (std::size_t i = first + 1; i < end; ++i) {
    const View::Row& row = view.rows[i];
    if (row.key.size() == kPartKeyBytes) {
      auto part = decode_batch_part(Blob::copy_of(row.value.view()));
      PAWL_ASSERT(part);
      batch->parts.push_back(std::move(*part));
    } else if (row.key.size() == kOutcomesKeyBytes) {
      auto outcomes = OutcomesRecord::decode(row.value);
      PAWL_ASSERT(outcomes);
      batch->finished = outcomes->finished;
      batch->moved = outcomes->moved;
    } else if (row.key.size() == kJobKeyBytes) {
      auto own = JobRecord::decode(Blob::copy_of(row.value.view()));
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
