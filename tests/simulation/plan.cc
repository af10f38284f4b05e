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
  if (chance.percent(15)) queue.durability = core::Durability::written;
  return queue;
}

// Sizes of one or a few, so that every edge is met.
core::Grain draw_grain(Chance& chance) {
  core::Grain grain;
  const auto tiny = [&](auto& size, std::size_t least) {
    using Size = std::remove_reference_t<decltype(size)>;
    if (chance.percent(60)) size = static_cast<Size>(least + chance.spread(6));
  };
  grain.id_filter_blocks = chance.percent(5) ? grain.id_filter_blocks : 1 + chance.spread(20);
  if (chance.percent(30)) return grain;
  tiny(grain.agenda_entries, 4);
  tiny(grain.agenda_page_rows, 1);
  tiny(grain.agenda_fired_at_once, 1);
  tiny(grain.segment_runs, 1);
  if (chance.percent(30)) grain.segment_bytes = 1 + chance.spread(5000);
  tiny(grain.page_rows, 1);
  if (chance.percent(30)) grain.page_bytes = 1 + chance.spread(5000);
  if (chance.percent(50)) grain.page_part_bytes = 1 + chance.spread(2000);
  if (chance.percent(30)) grain.commit_bytes = 1 + chance.spread(3000);
  if (chance.percent(30)) grain.taken_along_bytes = chance.spread(2000);
  tiny(grain.idle_lanes, 0);
  tiny(grain.reaped_at_once, 1);
  tiny(grain.list_rows, 1);
  return grain;
}

void draw_settings(Plan& plan, Chance& chance) {
  core::Settings& settings = plan.settings;
  settings.defaults = draw_queue(chance);
  for (const std::string& queue : plan.queues) {
    for (const std::string& ns : plan.namespaces)
      if (chance.percent(30)) settings.queues[{ns, queue}] = draw_queue(chance);
  }
  settings.lease = chance.pick(std::vector<Milliseconds>{2s, 10s, 30s});
  settings.heartbeat = settings.lease / 3;
  settings.cut_grace = chance.pick(std::vector<Milliseconds>{200ms, 3s});
  settings.restart_grace = chance.pick(std::vector<Milliseconds>{1s, 10s, 30s});
  settings.window_bytes = chance.pick(std::vector<std::size_t>{0, 2 << 10, 32 << 10, 48 << 20});
  settings.grain = draw_grain(chance);
  if (chance.percent(4)) {  // A batch always fits once the others are done.
    settings.lanes_max = plan.groups_max + 2 + chance.below(10);
    settings.grain.idle_lanes = 1;
  }
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
  const std::size_t queues = chance.between(1, 3);
  const std::size_t types = chance.between(1, 3);
  for (std::size_t i = 0; i < queues; ++i) plan.queues.push_back(fmt::format("q{}", i));
  for (std::size_t i = 0; i < types; ++i) plan.types.push_back(fmt::format("t{}", i));
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

// A few runs are of a size or length that most are too quick for.
void draw_extremes(Plan& plan, Chance& chance) {
  if (chance.percent(20)) plan.namespaces.emplace_back("other");
  switch (chance.below(60)) {
    case 0:  // Many small batches.
    case 1:
      plan.producers = 1;
      plan.batches = chance.between(150, 300);
      plan.jobs_max = 2;
      plan.enqueue_every = chance.pick(std::vector<Micros>{1ms, 20ms});
      return;
    case 2:  // Many lanes, with long names.
      plan.batches = 5;
      plan.jobs_max = 150;
      plan.groups_max = 150;
      plan.payload_max = 50;
      plan.keys = 100'000;
      plan.key_bytes = core::limits::kNameBytesMax;
      return;
    case 3:  // Large payloads and results.
      plan.batches = 3;
      plan.jobs_max = 4;
      plan.payload_max = 200 << 10;
      plan.result_max = 200 << 10;
      return;
    default:
      return;
  }
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
  plan.night_every = sometimes(15, {2s, 10s});
  plan.night_max = chance.pick(std::vector<Milliseconds>{60s, 4h, 26h, 26h});
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
  draw_extremes(plan, chance);
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
