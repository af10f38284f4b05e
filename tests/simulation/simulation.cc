#include "tests/simulation/simulation.h"

#include <algorithm>

#include <fmt/format.h>

#include "broker/core/keys.h"

namespace pawl::simulation {

namespace {

using namespace std::chrono_literals;
using core::JobState;

constexpr Micros kHealedWithin = 40min;  // Of virtual time, delays and leases included.
constexpr std::uint64_t kFrozenPercent = 40;
constexpr std::uint64_t kEventsMax = 3'000'000;
// Nothing happens for this long: then nothing may be left to do.
constexpr Micros kIdle = 20ms;
constexpr Micros kStoreCheckedEvery = 300ms;  // While idle; it takes long.

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
    workers_.push_back(std::make_unique<Worker>(events_, chance_, plan_, network_, gossip_,
                                                fmt::format("w{}", i)));
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
  if (history_.ok() && chance_.percent(kFrozenPercent)) audit_frozen();
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
  repeat(plan_.night_every, [this] {
    history_.count("nights");
    server_.stand_still(chance_.spread_ms(plan_.night_max));
  });
  repeat(plan_.disk_full_every, [this] {
    using Kind = core::Admission::Kind;
    server_.set_admission(chance_.percent(50) ? Kind::disk_full : Kind::open);
  });
}

// No more faults; who is there goes on as before.
void Simulation::calm() {
  if (healed_) return;
  history_.note(fmt::format("{} the faults end", events_.now().count() / 1000));
  healed_ = true;
  server_.heal();
  network_.heal();
  server_.set_admission(core::Admission::Kind::open);
  if (!server_.up()) server_.start();
  observer_.heal();
}

void Simulation::heal() {
  calm();
  history_.note(fmt::format("{} everything heals", events_.now().count() / 1000));
  for (const auto& producer : producers_) producer->heal();
  for (const auto& worker : workers_) worker->heal();
}

bool Simulation::drained() const {
  if (!server_.quiet() || !network_.quiet()) return false;
  for (const auto& producer : producers_) {
    if (!producer->done()) return false;
  }
  const core::EngineTotals totals = server_.totals();
  const bool empty = totals.pending == 0 && totals.scheduled == 0 && totals.retrying == 0 &&
                     totals.processing == 0;
  return empty && model_.only_waits(server_.now());
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
                    model_.unanswered()));
  }
}

// Nothing happens any more by itself, and yet a worker waits beside work.
void Simulation::check_idle() {
  if (!server_.quiet() || !network_.quiet()) return;
  const auto any = [&](auto waits) { return std::any_of(workers_.begin(), workers_.end(), waits); };
  const core::EngineTotals totals = server_.totals();
  const bool worth_it = totals.processing > 0 ||
                        (totals.pending > 0 && any([](const auto& w) { return w->waits(); }));
  if (worth_it && events_.now() >= idle_checked_ + kStoreCheckedEvery) {
    idle_checked_ = events_.now();
    model_.check_idle(check_store().states, server_.now());
  }
  const bool waited = any([](const auto& w) { return w->waits_for_all(); });
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
      fsck.add(static_cast<core::Table>(i), row.key, row.value);
  }
  core::FsckReport report = fsck.finish();
  for (const std::string& finding : report.findings) history_.broken("I4", finding);
  return report;
}

}  // namespace pawl::simulation
