#include "bench/standard.h"

#include <string>

#include <fmt/format.h>

#include "bench/disk.h"
#include "bench/sdk_load.h"
#include "bench/workload.h"

namespace pawl::bench {
namespace {

constexpr std::size_t kDiskSyncs = 1000;
constexpr std::uint64_t kSyncJobs = 3'000;
constexpr std::uint64_t kPipelineJobs = 2'000'000;
constexpr std::uint64_t kSlowJobs = 300'000;
constexpr std::uint64_t kSdkJobs = 200'000;
constexpr double kLatencyRate = 500;
constexpr std::uint64_t kLatencyJobs = 5'000;
constexpr auto kQueue = "bench";

void say(const char* what) {
  fmt::print(stderr, "  {}\n", what);
}

DiskFigures probe_disk(Site& site, Figures& figures) {
  const DiskFigures disk = measure_disk(site.directory(), kDiskSyncs);
  figures.add("disk_sync_p50_us", "us", disk.sync_p50_us);
  figures.add("disk_sync_p99_us", "us", disk.sync_p99_us);
  figures.add_beside("disk_sync_p50_us", "syncs_per_s", disk.syncs_per_s);
  return disk;
}

// The disk's figures change within seconds, so it is asked before and after.
void single_producer(Site& site, Figures& figures) {
  say("a single producer that waits for each reply");
  const auto broker = site.fresh_broker();
  const DiskFigures before = probe_disk(site, figures);
  const Rate rate =
      enqueue(broker->address(), {.queue = kQueue, .jobs = kSyncJobs, .batch = 1, .in_flight = 1});
  const DiskFigures after = probe_disk(site, figures);
  check_counts(broker->address(), kQueue, kSyncJobs, 0);
  broker->stop();
  const double disk = (before.syncs_per_s + after.syncs_per_s) / 2;
  figures.add("enqueue_sync_per_s", "jobs/s", rate.per_second());
  figures.add_beside("enqueue_sync_per_s", "disk_syncs_per_s", disk);
  figures.add_beside("enqueue_sync_per_s", "share_of_disk", rate.per_second() / disk);
}

struct Cycle {
  const char* cpu_measure;
  std::size_t batch;
  std::size_t in_flight;
  std::uint32_t credits;
  std::uint64_t jobs;
};
constexpr Cycle kBatches{"broker_cpu_s_per_100k", 100, 8, 100, 1'000'000};
constexpr Cycle kTens{"broker_cpu_s_per_100k_batch10", 10, 8, 100, 300'000};
constexpr Cycle kSingles{"broker_cpu_s_per_100k_single", 1, 64, 64, 150'000};

struct Cycled {
  Rate filled;
  Rate drained;
  double cpu_s = 0;
  double cpu_idle_s = 0;  // With what was left to do in the background.
};

Cycled run_cycle(Site& site, const Cycle& cycle) {
  const auto broker = site.fresh_broker();
  const ProducerPlan producer{
      .queue = kQueue, .jobs = cycle.jobs, .batch = cycle.batch, .in_flight = cycle.in_flight};
  const WorkersPlan workers{.worker = {.queue = kQueue, .in_flight = 4, .credits = cycle.credits}};
  const double before = cpu_seconds_of(broker->pid());
  Cycled cycled;
  cycled.filled = enqueue(broker->address(), producer);
  cycled.drained = drain(broker->address(), workers, cycle.jobs).whole;
  cycled.cpu_s = cpu_seconds_of(broker->pid()) - before;
  wait_until_idle(broker->pid());
  cycled.cpu_idle_s = cpu_seconds_of(broker->pid()) - before;
  check_counts(broker->address(), kQueue, 0, cycle.jobs);
  broker->stop();
  return cycled;
}

Cycled cycle_with_cpu(Site& site, Figures& figures, const Cycle& cycle) {
  say(fmt::format("fill and drain, {} jobs in batches of {}", cycle.jobs, cycle.batch).c_str());
  const Cycled cycled = run_cycle(site, cycle);
  const double scale = 1e5 / static_cast<double>(cycle.jobs);
  figures.add(cycle.cpu_measure, "s", cycled.cpu_s * scale);
  figures.add_beside(cycle.cpu_measure, "with_background", cycled.cpu_idle_s * scale);
  figures.note(cycle.cpu_measure, "jobs", cycle.jobs);
  figures.note(cycle.cpu_measure, "batch", cycle.batch);
  figures.note(cycle.cpu_measure, "in_flight", cycle.in_flight);
  if (const auto bare = site.rocks_loop(cycle.batch, cycle.jobs)) {
    figures.add_beside(cycle.cpu_measure, "rocks_loop", *bare);
    figures.add_beside(cycle.cpu_measure, "ratio_to_rocks_loop", cycled.cpu_s * scale / *bare);
  }
  return cycled;
}

void cycles(Site& site, Figures& figures) {
  const Cycled hundreds = cycle_with_cpu(site, figures, kBatches);
  figures.add("enqueue_batch_per_s", "jobs/s", hundreds.filled.per_second());
  figures.add("drain_per_s", "jobs/s", hundreds.drained.per_second());
  const Cycled tens = cycle_with_cpu(site, figures, kTens);
  figures.add("enqueue_batch10_per_s", "jobs/s", tens.filled.per_second());
  figures.add("drain_batch10_per_s", "jobs/s", tens.drained.per_second());
  const Cycled singles = cycle_with_cpu(site, figures, kSingles);
  figures.add("enqueue_pipelined_per_s", "jobs/s", singles.filled.per_second());
  figures.add("drain_single_per_s", "jobs/s", singles.drained.per_second());
}

void both_at_once(Site& site, Figures& figures) {
  say("producers and workers at once");
  const auto broker = site.fresh_broker();
  const double before = cpu_seconds_of(broker->pid());
  const Rate rate = pipeline(broker->address(), {.queue = kQueue, .jobs = kPipelineJobs},
                             {.worker = {.queue = kQueue}});
  const double cpu = cpu_seconds_of(broker->pid()) - before;
  check_counts(broker->address(), kQueue, 0, kPipelineJobs);
  broker->stop();
  figures.add("pipeline_per_s", "jobs/s", rate.per_second());
  figures.add_beside("pipeline_per_s", "broker_cpu_s_per_100k",
                     cpu * 1e5 / static_cast<double>(kPipelineJobs));
}

void steady(Site& site, Figures& figures) {
  say("latency at a steady rate");
  const auto broker = site.fresh_broker();
  const DiskFigures before = probe_disk(site, figures);
  const Latency taken = latency(broker->address(),
                                {.queue = kQueue,
                                 .jobs = kLatencyJobs,
                                 .batch = 1,
                                 .in_flight = 200,
                                 .jobs_per_second = kLatencyRate},
                                {.queue = kQueue});
  const DiskFigures after = probe_disk(site, figures);
  check_counts(broker->address(), kQueue, 0, kLatencyJobs);
  broker->stop();
  const auto add = [&](const char* measure, double quantile) {
    const auto us = [&](const Histogram& times) {
      return static_cast<double>(times.quantile(quantile)) / 1e3;
    };
    figures.add(measure, "us", us(taken.from_call));
    figures.add_beside(measure, "from_schedule", us(taken.from_due));
    figures.note(measure, "jobs_per_s", static_cast<std::int64_t>(kLatencyRate));
  };
  add("latency_p50_us", 0.5);
  add("latency_p99_us", 0.99);
  add("latency_p999_us", 0.999);
  const double disk_p99 = (before.sync_p99_us + after.sync_p99_us) / 2;
  figures.add_beside("latency_p99_us", "disk_sync_p99_us", disk_p99);
  figures.add_beside("latency_p99_us", "bar", 2 * disk_p99 + 1000);
}

void sdk(Site& site, Figures& figures) {
  say("the C++ SDK");
  const auto broker = site.fresh_broker();
  const SdkFigures taken = run_sdk(broker->address(), kQueue, kSdkJobs);
  check_counts(broker->address(), kQueue, 0, kSdkJobs);
  broker->stop();
  const double scale = 1e5 / static_cast<double>(kSdkJobs);
  const auto measure = "client_cpu_s_per_100k";
  figures.add(measure, "s", (taken.enqueue_cpu_s + taken.drain_cpu_s) * scale);
  figures.add_beside(measure, "enqueue", taken.enqueue_cpu_s * scale);
  figures.add_beside(measure, "drain", taken.drain_cpu_s * scale);
  figures.add_beside(measure, "enqueue_per_s", taken.enqueue_per_s);
  figures.add_beside(measure, "drain_per_s", taken.drain_per_s);
}

// 51,200 jobs run at once, so that the second of each costs the run little.
void slow_handlers(Site& site, Figures& figures) {
  say("handlers of one second");
  const auto broker = site.fresh_broker();
  const double before = cpu_seconds_of(broker->pid());
  enqueue(broker->address(), {.queue = kQueue, .jobs = kSlowJobs});
  const WorkersPlan workers{
      .worker = {.queue = kQueue, .in_flight = 64, .handler = std::chrono::seconds(1)},
      .sessions = 8};
  const Rate rate = drain(broker->address(), workers, kSlowJobs).whole;
  const double cpu = cpu_seconds_of(broker->pid()) - before;
  check_counts(broker->address(), kQueue, 0, kSlowJobs);
  broker->stop();
  const auto measure = "broker_cpu_s_per_100k_handler_1s";
  figures.add(measure, "s", cpu * 1e5 / static_cast<double>(kSlowJobs));
  figures.add_beside(measure, "drain_per_s", rate.per_second());
  figures.note(measure, "jobs_at_once", 51'200);
}

}  // namespace

void run_standard_round(Site& site, Figures& figures) {
  single_producer(site, figures);
  cycles(site, figures);
  both_at_once(site, figures);
  steady(site, figures);
  sdk(site, figures);
  slow_handlers(site, figures);
}

}  // namespace pawl::bench
