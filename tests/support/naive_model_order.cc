// The order in which jobs are delivered, as the naive model judges it.

#include <algorithm>

#include <fmt/format.h>

#include "tests/support/naive_model.h"

namespace pawl::test {

// A first delivery: whoever stands before it in the lane must have been delivered before.
void NaiveModel::check_order(ModelBatch& batch, core::JobIndex index, core::Token token) {
  ModelRun& run = batch.run_of(index);
  const bool first = !std::exchange(run.delivered, true);
  if (run.group.due.kind != core::Due::Kind::now) return;
  const bool skipped = !first && index < run.highest && token > run.highest_token &&
                       token.epoch() == run.highest_token.epoch();
  if (skipped) {
    broken(batch, "I11",
           fmt::format("job {} came after job {} of its run",
                       short_id(batch.asked.batch.job(index)), run.highest));
  }
  if (first || index > run.highest) {
    run.highest = index;
    run.highest_token = token;
  }
  if (first) run.first_token = token;
  if (batch.accepted == 0) return;
  const LaneKey lane{batch.asked.ns, batch.asked.queue, run.group.type, run.group.priority,
                     run.group.key};
  if (late_lanes_.count(lane) == 0) check_passed_over(batch, run, token);
  for (const auto& [other, position] : lanes_.at(lane)) {
    const ModelRun& later = other->runs[position];
    if (!later.delivered || other->invoked < batch.accepted || other->tainted) continue;
    if (later.first_token < token && later.first_token.epoch() == token.epoch()) {
      broken(batch, "I11",
             fmt::format("batch {} overtook batch {}", short_id(other->asked.batch),
                         short_id(batch.asked.batch)));
    }
  }
}

// Nothing when the fetch does not want the run's jobs.
std::optional<NaiveModel::Class> NaiveModel::class_of(const ModelBatch& batch, const ModelRun& run,
                                                      const core::Fetch& fetch) {
  const auto queue = std::find(fetch.queues.begin(), fetch.queues.end(), batch.asked.queue);
  const bool typed =
      fetch.types.empty() || std::count(fetch.types.begin(), fetch.types.end(), run.group.type) > 0;
  if (batch.asked.ns != fetch.ns || queue == fetch.queues.end() || !typed) return std::nullopt;
  return Class{queue - fetch.queues.begin(), core::limits::kPriorityMax - run.group.priority};
}

// One grant goes through the worker's queues in its order, in each from the most urgent job down,
// and among those from the oldest.
void NaiveModel::check_picks(const core::Granted& granted, const core::Fetch& fetch,
                             Moment fetched) {
  Pick pick{granted.token, fetched, fetch, {}, 0};
  for (const core::Delivery& part : granted.deliveries) {
    const ModelBatch* batch = find_batch(part.batch);
    if (batch == nullptr) return;
    const core::JobIndex index = part.jobs.first();
    const ModelRun& run = batch->run_of(index);
    const auto wanted = class_of(*batch, run, fetch);
    if (!wanted) return;
    const std::string id = short_id(part.batch.job(index));
    if (*wanted < pick.worst) broken(*batch, "order", "job " + id + " comes after a lesser one");
    if (*wanted != pick.worst) pick.youngest = 0;
    const ModelJob& job = batch->jobs[index];
    const bool first =
        job.leases.empty() && !job.granted_unseen && run.group.due.kind == core::Due::Kind::now;
    if (first && batch->accepted != 0 && batch->accepted < pick.youngest)
      broken(*batch, "order", "job " + id + " comes after a younger one");
    pick.worst = *wanted;
    pick.youngest = std::max(pick.youngest, batch->invoked);
  }
  const bool all_in_memory = settings_.window_bytes >= core::Settings{}.window_bytes;
  if (!granted.deliveries.empty() && all_in_memory && epoch_ == first_epoch_)
    picks_.push_back(std::move(pick));
}

// This run was accepted before some fetch was taken, and is delivered after its grant for the first
// time: nothing lesser may have gone to that fetch. Only where no page can have been on its way.
void NaiveModel::check_passed_over(const ModelBatch& batch, const ModelRun& run,
                                   core::Token token) {
  for (const Pick& pick : picks_) {
    if (pick.token >= token || pick.fetched < batch.accepted || token.epoch() != first_epoch_)
      continue;
    const auto wanted = class_of(batch, run, pick.fetch);
    if (!wanted || *wanted > pick.worst) continue;
    history_.count("picks compared");
    if (*wanted < pick.worst || batch.accepted < pick.youngest) {
      broken(batch, "order",
             fmt::format("batch {} waited, and a lesser job was given to fetch {}.{}",
                         short_id(batch.asked.batch), pick.fetch.ticket.connection,
                         pick.fetch.ticket.request));
    }
  }
}

}  // namespace pawl::test
