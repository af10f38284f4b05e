// What may be left unanswered when nothing happens by itself any more, as the naive model judges
// it.

#include <algorithm>

#include <fmt/format.h>

#include "tests/support/naive_model.h"

namespace pawl::test {

using core::JobState;

bool NaiveModel::only_waits(core::Now now) const {
  return std::all_of(asked_.begin(), asked_.end(), [&](const auto& entry) {
    const Asked& asked = entry.second;
    const auto* fetch = std::get_if<core::Fetch>(&asked.command);
    return asked.gone || (fetch != nullptr && now.at <= asked.at + fetch->max_wait);
  });
}

std::size_t NaiveModel::unanswered() const {
  return static_cast<std::size_t>(std::count_if(
      asked_.begin(), asked_.end(), [](const auto& entry) { return !entry.second.gone; }));
}

void NaiveModel::check_idle(const States& states, core::Now now) {
  for (const auto& [ticket, asked] : asked_) {
    const auto* fetch = std::get_if<core::Fetch>(&asked.command);
    if (fetch == nullptr || asked.gone || !asked.live) continue;
    const auto session = sessions_.find(fetch->session);
    if (session == sessions_.end() || session->second.connection != ticket.connection) continue;
    check_neglect(*fetch, states, now);
  }
  if (!is_stored_) return;
  for (const auto& [id, session] : sessions_) {
    for (const auto& [job, token] : session.leases) {
      const ModelLease& lease = *find_job(job)->lease(token);
      const bool long_ago = lease.left_at + core::limits::kGrantStoredWithin <= now.at;
      if (!long_ago || !surely_live(lease, now) || find_job(job)->leases.back().token != token)
        continue;
      history_.count("leases that lasted");
      if (!is_stored_(token, job))
        broken(*find_batch(job.batch()), "I5",
               "the lease of job " + short_id(job) + " is not stored");
    }
  }
}

void NaiveModel::check_neglect(const core::Fetch& fetch, const States& states, core::Now now) {
  for (const auto& [id, batch] : batches_) {
    const auto stored = states.find(id);
    if (stored == states.end()) continue;
    for (const ModelRun& run : batch.runs) {
      if (!class_of(batch, run, fetch)) continue;
      run.group.jobs.for_each([&, &of = batch](core::JobIndex index) {
        if (index >= stored->second.size()) return;  // Reaped, but for dead letters before it.
        if (!surely_waits(of, index, stored->second[index])) return;
        broken(of, "I16",
               fmt::format("job {} is pending while fetch {}.{} waits for such a job since {} ms",
                           short_id(of.asked.batch.job(index)), fetch.ticket.connection,
                           fetch.ticket.request, (now.at - asked_.at(fetch.ticket).at).count()));
      });
    }
  }
}

// Pending also on disk are jobs whose lease is not stored yet.
bool NaiveModel::surely_waits(const ModelBatch& batch, core::JobIndex index,
                              JobState stored) const {
  const ModelJob& job = batch.jobs[index];
  return stored == JobState::pending && !job.granted_unseen &&
         (job.leases.empty() || job.leases.back().ended());
}

}  // namespace pawl::test
