// The books, checked while everything stands still: in the middle of the work, and after the drain.

#include <algorithm>

#include <fmt/format.h>

#include "tests/simulation/simulation.h"

namespace pawl::simulation {

namespace {

using namespace std::chrono_literals;
using core::JobState;

const std::vector<JobState> kFinal{JobState::completed, JobState::failed, JobState::cancelled};
const std::vector<JobState> kOpen{JobState::scheduled, JobState::pending, JobState::processing,
                                  JobState::retrying};

using Ids = std::set<core::JobId>;

bool includes(const Ids& more, const Ids& less) {
  return std::includes(more.begin(), more.end(), less.begin(), less.end());
}

}  // namespace

// Nobody asks for anything any more, and workers keep what they have: only time changes anything.
void Simulation::audit_frozen() {
  calm();
  history_.note(fmt::format("{} everybody freezes", events_.now().count() / 1000));
  for (const auto& producer : producers_) producer->freeze();
  for (const auto& worker : workers_) worker->freeze();
  const Micros deadline = events_.now() + 10min;
  while (history_.ok() && (model_.unanswered() > 0 || !server_.quiet() || !network_.quiet())) {
    step();
    if (events_.now() >= deadline)
      history_.broken("I16", fmt::format("{} requests stay unanswered", model_.unanswered()));
  }
  // By then every lease is stored.
  const Micros stored = events_.now() + Micros{core::limits::kGrantStoredWithin};
  while (history_.ok() && (events_.now() < stored || !server_.quiet())) step();
  if (!history_.ok()) return;
  history_.count("audits while frozen");
  audit_lists(kOpen);
  audit_counts();
}

void Simulation::audit() {
  const core::FsckReport found = check_store();
  model_.drained(found.states, server_.now());
  history_.count("connections cut", network_.cuts());
  if (!history_.ok()) return;
  audit_jobs(found);
  audit_lists(kFinal);
  audit_lists(kOpen);
  audit_counts();
  audit_memory();
}

void Simulation::audit_jobs(const core::FsckReport& found) {
  std::vector<core::JobId> ids;
  for (const auto& [batch, states] : found.states) {
    for (std::size_t i = 0; i < states.size(); ++i)
      ids.push_back(batch.job(static_cast<core::JobIndex>(i)));
  }
  for (std::size_t from = 0; from < ids.size(); from += 500) {
    const std::size_t to = std::min(ids.size(), from + 500);
    core::GetJobs get;
    get.ids.assign(ids.begin() + static_cast<std::ptrdiff_t>(from),
                   ids.begin() + static_cast<std::ptrdiff_t>(to));
    get.payloads = core::GetJobs::Payloads::with;
    const auto reply = observer_.ask(get);
    const auto* views = reply ? std::get_if<core::JobViews>(&reply->body) : nullptr;
    if (views == nullptr) return history_.broken("I16", "a query got no answer");
    for (const core::JobView& view : views->jobs) {
      const JobState stored = found.states.at(view.id.batch()).at(view.id.index());
      if (view.code == core::Errc::ok && view.state != stored) {
        history_.broken(
            "I4", fmt::format("job {} is seen as {} and stored as {}", test::short_id(view.id),
                              to_string(view.state), to_string(stored)));
      }
    }
  }
}

// The jobs that a list should hold, as the store has them.
Ids Simulation::jobs_in(const core::FsckReport& found, const core::ListJobs& asked) const {
  Ids ids;
  for (const auto& [id, states] : found.states) {
    const test::ModelBatch& batch = model_.batches().at(id);
    if (batch.asked.ns != asked.ns || batch.asked.queue != asked.queue) continue;
    for (std::size_t i = 0; i < states.size(); ++i) {
      const auto index = static_cast<core::JobIndex>(i);
      if (states[i] != asked.state) continue;
      if (!asked.type.empty() && batch.run_of(index).group.type != asked.type) continue;
      ids.insert(id.job(index));
    }
  }
  return ids;
}

// All pages of a list.
Ids Simulation::list(core::ListJobs asked) {
  Ids seen;
  do {
    const auto reply = observer_.ask(asked);
    const auto* page = reply ? std::get_if<core::Listed>(&reply->body) : nullptr;
    if (page == nullptr) {
      history_.broken("I16", "a list got no answer");
      return seen;
    }
    for (const core::JobView& view : page->jobs) {
      if (!seen.insert(view.id).second)
        history_.broken("list", "job " + test::short_id(view.id) + " is listed twice");
    }
    history_.count("pages of lists");
    asked.cursor = page->next_cursor;
  } while (!asked.cursor.empty());
  return seen;
}

// Every list holds exactly the jobs that are in its state. Time may change some meanwhile, each of
// them once.
void Simulation::audit_lists(const std::vector<JobState>& states) {
  struct Seen {
    core::ListJobs asked;
    Ids jobs;
  };
  std::vector<Seen> lists;
  const core::FsckReport before = check_store();
  for (const std::string& ns : plan_.namespaces) {
    for (const std::string& queue : plan_.queues) {
      for (const JobState state : states) {
        for (const std::string& type : {std::string(), chance_.pick(plan_.types)}) {
          const auto limit = static_cast<std::uint32_t>(chance_.between(1, 300));
          const core::ListJobs asked{{}, ns, queue, state, type, limit, {}};
          lists.push_back({asked, list(asked)});
        }
      }
    }
  }
  if (!history_.ok()) return;
  const core::FsckReport after = check_store();
  for (const auto& [asked, seen] : lists) {
    const Ids first = jobs_in(before, asked);
    const Ids last = jobs_in(after, asked);
    Ids either = first;
    either.insert(last.begin(), last.end());
    Ids both;
    std::set_intersection(first.begin(), first.end(), last.begin(), last.end(),
                          std::inserter(both, both.end()));
    if (includes(either, seen) && includes(seen, both)) continue;
    history_.broken("list", fmt::format("{} jobs of {}/{} type '{}' are listed as {}, {} to {} are",
                                        seen.size(), asked.ns, asked.queue, asked.type,
                                        to_string(asked.state), both.size(), either.size()));
  }
}

void Simulation::audit_counts() {
  for (const std::string& ns : plan_.namespaces) {
    std::optional<bool> agree;
    while (!agree && history_.ok()) agree = counts_agree(ns);
    if (history_.ok() && !*agree)
      history_.broken("I13", "the counts of namespace " + ns + " differ from the jobs");
  }
}

// Nothing when a job was reaped while they were looked at.
std::optional<bool> Simulation::counts_agree(const std::string& ns) {
  const core::FsckReport found = check_store();
  const auto reply = observer_.ask(core::QueueStats{{}, ns, {}});
  const auto* counted = reply ? std::get_if<core::Counted>(&reply->body) : nullptr;
  if (counted == nullptr) {
    history_.broken("I16", "the counts got no answer");
    return std::nullopt;
  }
  while (history_.ok() && !server_.quiet()) step();
  if (check_store().states != found.states) return std::nullopt;
  return std::all_of(counted->queues.begin(), counted->queues.end(), [&](const auto& queue) {
    const auto is = [&](std::uint64_t count, JobState state) {
      return count == jobs_in(found, {{}, ns, queue.queue, state, {}, 1, {}}).size();
    };
    return is(queue.scheduled, JobState::scheduled) && is(queue.pending, JobState::pending) &&
           is(queue.processing, JobState::processing) && is(queue.retrying, JobState::retrying) &&
           is(queue.completed, JobState::completed) && is(queue.failed, JobState::failed) &&
           is(queue.cancelled, JobState::cancelled);
  });
}

void Simulation::audit_memory() {
  while (!server_.quiet()) step();
  if (const std::size_t bytes = server_.totals().window_bytes; bytes != 0)
    history_.broken("memory", fmt::format("{} bytes of batches stay after the drain", bytes));
}

}  // namespace pawl::simulation
