#include "tests/simulation/plan.h"

#include <fmt/format.h>

namespace pawl::simulation {

namespace {

using namespace std::chrono_literals;
using core::Milliseconds;

core::QueueSettings draw_queue(Chance& chance) {
  core::QueueSettings queue;
  queue.retention = chance.pick(std::vector<Milliseconds>{1s, 30s, 24h, 24h});
  queue.dead_retention = chance.pick(std::vector<Milliseconds>{5s, 60s, 180 * 24h});
  queue.max_attempts = static_cast<std::uint32_t>(chance.between(1, 5));
  queue.backoff = chance.pick(std::vector<Milliseconds>{1ms, 100ms, 1s});
  queue.backoff_max = Milliseconds{chance.between(1, 8)} * 1000;
  return queue;
}

void draw_settings(Plan& plan, Chance& chance) {
  core::Settings& settings = plan.settings;
  settings.defaults = draw_queue(chance);
  for (const std::string& queue : plan.queues) {
    if (chance.percent(30)) settings.queues[{"default", queue}] = draw_queue(chance);
  }
  settings.lease = chance.pick(std::vector<Milliseconds>{2s, 10s, 30s});
  settings.heartbeat = settings.lease / 3;
  settings.cut_grace = chance.pick(std::vector<Milliseconds>{200ms, 3s});
  settings.restart_grace = chance.pick(std::vector<Milliseconds>{1s, 10s, 30s});
  settings.window_bytes = chance.pick(std::vector<std::size_t>{0, 2 << 10, 32 << 10, 48 << 20});
}

void draw_load(Plan& plan, Chance& chance) {
  plan.producers = chance.between(1, 3);
  plan.workers = chance.between(1, 4);
  plan.batches = chance.between(2, 12);
  plan.enqueue_every = chance.pick(std::vector<Micros>{1ms, 50ms, 1s});
  plan.jobs_max = chance.pick(std::vector<std::size_t>{1, 4, 20, 20, 150});
  if (chance.percent(3)) plan.jobs_max = 1000;
  plan.payload_max = chance.pick(std::vector<std::size_t>{0, 50, 400});
  if (plan.jobs_max <= 20 && chance.percent(10)) plan.payload_max = 20'000;
  plan.result_max = chance.pick(std::vector<std::size_t>{0, 100, 1000});
  for (std::size_t i = 0; i < chance.between(1, 3); ++i)
    plan.queues.push_back(fmt::format("q{}", i));
  for (std::size_t i = 0; i < chance.between(1, 3); ++i)
    plan.types.push_back(fmt::format("t{}", i));
  if (plan.queues.empty()) plan.queues.push_back("q");
  if (plan.types.empty()) plan.types.push_back("t");
  plan.keys = chance.pick(std::vector<std::size_t>{1, 1, 4, 50});
  plan.due_percent = chance.pick(std::vector<std::uint64_t>{0, 20, 60});
  plan.due_max = chance.pick(std::vector<Micros>{10ms, 2s, 20s});
  plan.attempts_max = static_cast<std::uint32_t>(chance.between(1, 4));
  plan.run_time = chance.pick(std::vector<Micros>{0ms, 20ms, 1s, 20s});
  plan.credits_max = static_cast<std::uint32_t>(chance.pick(std::vector<int>{1, 5, 50, 1000}));
  plan.fetch_wait = chance.pick(std::vector<Micros>{0ms, 200ms, 20s});
  plan.fail_percent = chance.pick(std::vector<std::uint64_t>{0, 15, 50});
  plan.release_percent = chance.pick(std::vector<std::uint64_t>{0, 10});
  plan.query_every = chance.pick(std::vector<Micros>{10ms, 100ms, 1s});
  plan.cancel_percent = chance.pick(std::vector<std::uint64_t>{0, 10, 50});
}

void draw_faults(Plan& plan, Chance& chance) {
  plan.faults = Plan::Faults::some;
  const auto sometimes = [&](std::uint64_t percent, std::vector<Micros> means) {
    return chance.percent(percent) ? chance.pick(means) : Micros{0};
  };
  plan.crash_every = sometimes(60, {300ms, 2s, 10s});
  plan.stop_every = sometimes(15, {3s, 10s});
  plan.cut_every = sometimes(60, {100ms, 1s, 5s});
  plan.wall_jump_every = sometimes(30, {1s, 5s});
  plan.disk_full_every = sometimes(20, {2s, 10s});
  plan.store_down = chance.pick(std::vector<Micros>{10ms, 1s, 40s});
  if (chance.percent(30))
    plan.store_fault_mille = chance.pick(std::vector<std::uint64_t>{5, 50, 200});
  if (chance.percent(10)) plan.read_failure_mille = 5;
  plan.mischief_percent = chance.pick(std::vector<std::uint64_t>{0, 5, 25});
  if (chance.percent(30)) plan.store.caps.recovery = store::Caps::Recovery::restart;
}

}  // namespace

Plan Plan::draw(std::uint64_t seed) {
  Chance chance(seed);
  Plan plan;
  plan.seed = seed;
  draw_load(plan, chance);
  draw_settings(plan, chance);
  plan.active = chance.pick(std::vector<Micros>{2s, 10s, 60s});
  plan.net_delay = chance.pick(std::vector<Micros>{0ms, 2ms, 200ms});
  plan.commit_delay = chance.pick(std::vector<Micros>{0ms, 1ms, 50ms, 1s});
  plan.read_delay = chance.pick(std::vector<Micros>{0ms, 1ms, 50ms, 1s});
  plan.turn_delay = chance.pick(std::vector<Micros>{0ms, 1ms, 20ms});
  if (chance.percent(20)) plan.store.caps.bytes_preferred = 500;
  if (!chance.percent(25)) draw_faults(plan, chance);
  return plan;
}

std::string Plan::describe() const {
  return fmt::format(
      "seed {} faults {} producers {} workers {} batches {} jobs<={} window {} lease {} ms "
      "commit<={} us read<={} us "
      "crash {} us cut {} us store faults {}/1000",
      seed, faults == Faults::some ? "some" : "none", producers, workers, batches, jobs_max,
      settings.window_bytes, settings.lease.count(), commit_delay.count(), read_delay.count(),
      crash_every.count(), cut_every.count(), store_fault_mille);
}

}  // namespace pawl::simulation
