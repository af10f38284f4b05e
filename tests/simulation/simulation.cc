#include "tests/simulation/simulation.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "broker/core/keys.h"

namespace pawl::simulation {

namespace {

using namespace std::chrono_literals;
using core::JobState;

constexpr Micros kHealedWithin = 40min;  // Of virtual time, delays and leases included.
constexpr std::uint64_t kEventsMax = 3'000'000;
// Nothing happens for this long: then nothing may be left to do.
constexpr Micros kIdle = 20ms;

const std::vector<JobState> kFinal{JobState::completed, JobState::failed, JobState::cancelled};

using Ids = std::set<core::JobId>;

// The jobs of a queue in a state, as the store has them.
Ids jobs_in(const core::FsckReport& found, const test::NaiveModel& model, const std::string& queue,
            JobState state) {
  Ids ids;
  for (const auto& [id, states] : found.states) {
    if (model.batches().at(id).asked.queue != queue) continue;
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (states[i] == state) ids.insert(id.job(static_cast<core::JobIndex>(i)));
    }
  }
  return ids;
}

}  // namespace

Simulation::Simulation(const Plan& plan, Detail detail)
    : plan_(plan),
      chance_(plan.seed ^ 0x5eed),
      history_(detail),
      model_(history_, plan_.settings),
      server_(events_, chance_, plan_, model_, history_),
      network_(events_, chance_, plan_, server_),
      observer_(events_, chance_, plan_, network_, producers_) {
  server_.connect({.deliver = [this](core::Reply&& reply) { network_.deliver(std::move(reply)); },
                   .died = [this] { network_.broker_died(); },
                   .found = [this] { check_store(); }});
  for (std::size_t i = 0; i < plan_.producers; ++i) {
    producers_.push_back(std::make_unique<Producer>(events_, chance_, plan_, network_, server_));
  }
  for (std::size_t i = 0; i < plan_.workers; ++i) {
    workers_.push_back(
        std::make_unique<Worker>(events_, chance_, plan_, network_, fmt::format("w{}", i)));
  }
}

std::size_t Simulation::jobs() const {
  std::size_t count = 0;
  for (const auto& producer : producers_) count += producer->jobs().size();
  return count;
}

std::string Simulation::report() const {
  return fmt::format("{}{}\n", history_.report(), plan_.describe());
}

bool Simulation::run() {
  server_.start();
  for (const auto& producer : producers_) producer->start();
  for (const auto& worker : workers_) worker->start();
  observer_.start();
  plan_faults();
  while (history_.ok() && events_.now() < plan_.active) step();
  if (history_.ok()) heal();
  if (history_.ok()) drain();
  if (history_.ok()) audit();
  return history_.ok();
}

void Simulation::step() {
  if (events_.until_next() >= kIdle) check_idle();
  if (!events_.run_next()) history_.broken("harness", "nothing is left to happen");
  if (events_.executed() > kEventsMax) history_.broken("I16", "it goes on for ever");
}

void Simulation::repeat(Micros mean, std::function<void()> what) {
  if (mean == Micros{0}) return;
  events_.after(chance_.around(mean), [this, mean, what = std::move(what)] {
    if (healed_) return;
    what();
    repeat(mean, what);
  });
}

void Simulation::plan_faults() {
  repeat(plan_.crash_every, [this] { server_.crash("killed"); });
  repeat(plan_.stop_every, [this] { server_.stop(); });
  repeat(plan_.cut_every, [this] { network_.cut_one(); });
  repeat(plan_.wall_jump_every, [this] {
    const core::Milliseconds by{chance_.spread(600'000)};
    server_.jump_wall(chance_.percent(50) ? by : -by);
  });
  repeat(plan_.disk_full_every, [this] {
    using Kind = core::Admission::Kind;
    server_.set_admission(chance_.percent(50) ? Kind::disk_full : Kind::open);
  });
}

void Simulation::heal() {
  history_.note(fmt::format("{} everything heals", events_.now().count() / 1000));
  healed_ = true;
  server_.heal();
  network_.heal();
  server_.set_admission(core::Admission::Kind::open);
  if (!server_.up()) server_.start();
  for (const auto& producer : producers_) producer->heal();
  for (const auto& worker : workers_) worker->heal();
  observer_.heal();
}

bool Simulation::drained() const {
  if (!server_.quiet() || !network_.quiet()) return false;
  for (const auto& producer : producers_) {
    if (!producer->done()) return false;
  }
  const core::EngineTotals totals = server_.totals();
  return totals.pending + totals.scheduled + totals.retrying + totals.processing == 0 &&
         model_.unanswered().size() <= plan_.workers;
}

void Simulation::drain() {
  const Micros deadline = events_.now() + kHealedWithin;
  while (history_.ok() && !drained()) {
    step();
    if (events_.now() < deadline) continue;
    core::FsckReport found = check_store();
    return history_.broken(
        "I16",
        fmt::format("not drained in time: {} pending {} scheduled {} processing {} retrying, "
                    "{} requests unanswered",
                    found.count(JobState::pending), found.count(JobState::scheduled),
                    found.count(JobState::processing), found.count(JobState::retrying),
                    model_.unanswered().size()));
  }
}

// Nothing happens any more by itself, and yet a worker waits beside work.
void Simulation::check_idle() {
  if (!server_.quiet() || !network_.quiet()) return;
  const bool waited = std::any_of(workers_.begin(), workers_.end(),
                                  [](const auto& worker) { return worker->waits(); });
  if (waited && server_.totals().pending > 0) {
    history_.broken("I16", fmt::format("{} jobs are pending while a worker waits for them",
                                       server_.totals().pending));
  }
}

core::FsckReport Simulation::check_store() {
  core::Fsck fsck;
  for (std::size_t i = 0; i < core::kTableCount; ++i) {
    core::Read everything;
    everything.ranges.push_back(core::keys::all(static_cast<core::Table>(i)));
    everything.bytes_max = SIZE_MAX;
    const store::ReadResult found = server_.store().read(0, everything);
    for (const core::Row& row : found.answer.rows)
      fsck.add(static_cast<core::Table>(i), row.key, core::Blob(found.answer.owner, row.value));
  }
  core::FsckReport report = fsck.finish();
  for (const std::string& finding : report.findings) history_.broken("I4", finding);
  return report;
}

// ---- after the drain

void Simulation::audit() {
  const core::FsckReport found = check_store();
  model_.drained(found.states, server_.now());
  if (!history_.ok()) return;
  audit_jobs(found);
  audit_lists(found);
  audit_counts(found);
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

// Every list holds exactly the jobs that are in its state, page by page. Some may be reaped
// meanwhile.
void Simulation::audit_lists(const core::FsckReport& before) {
  for (const std::string& queue : plan_.queues) {
    for (const JobState state : kFinal) {
      Ids seen;
      core::ListJobs list;
      list.ns = "default";
      list.queue = queue;
      list.state = state;
      list.limit = static_cast<std::uint32_t>(chance_.between(1, 300));
      do {
        const auto reply = observer_.ask(list);
        const auto* page = reply ? std::get_if<core::Listed>(&reply->body) : nullptr;
        if (page == nullptr) return history_.broken("I16", "a list got no answer");
        for (const core::JobView& view : page->jobs) {
          if (!seen.insert(view.id).second)
            history_.broken("list", "job " + test::short_id(view.id) + " is listed twice");
        }
        list.cursor = page->next_cursor;
      } while (!list.cursor.empty());
      const Ids most = jobs_in(before, model_, queue, state);
      const Ids least = jobs_in(check_store(), model_, queue, state);
      if (!std::includes(most.begin(), most.end(), seen.begin(), seen.end()) ||
          !std::includes(seen.begin(), seen.end(), least.begin(), least.end())) {
        history_.broken("list", fmt::format("{} jobs of {} are listed as {}, {} are", seen.size(),
                                            queue, to_string(state), least.size()));
      }
    }
  }
}

void Simulation::audit_counts(const core::FsckReport&) {
  const auto reply = observer_.ask(core::QueueStats{{}, "default", {}});
  const auto* counted = reply ? std::get_if<core::Counted>(&reply->body) : nullptr;
  if (counted == nullptr) return history_.broken("I16", "the counts got no answer");
  while (!server_.quiet()) step();
  const core::FsckReport now = check_store();
  core::QueueCounts sum;
  for (const core::QueueCounts& queue : counted->queues) {
    sum.completed += queue.completed;
    sum.failed += queue.failed;
    sum.cancelled += queue.cancelled;
    sum.pending += queue.pending + queue.processing + queue.scheduled + queue.retrying;
  }
  const bool agree = sum.completed >= now.count(JobState::completed) &&
                     sum.failed >= now.count(JobState::failed) &&
                     sum.cancelled >= now.count(JobState::cancelled) && sum.pending == 0;
  if (!agree) history_.broken("I13", "the counts differ from the jobs");
}

void Simulation::audit_memory() {
  while (!server_.quiet()) step();
  if (const std::size_t bytes = server_.totals().window_bytes; bytes != 0)
    history_.broken("memory", fmt::format("{} bytes of batches stay after the drain", bytes));
}

}  // namespace pawl::simulation
