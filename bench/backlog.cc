// The figures that need a long backlog or a long time.

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "bench/disk.h"
#include "bench/messages.h"
#include "bench/standard.h"
#include "bench/workload.h"

namespace pawl::bench {
namespace {

constexpr std::uint64_t kMillion = 1'000'000;
constexpr std::uint64_t kTenMillion = 10'000'000;
constexpr std::uint64_t kShortBacklog = 100'000;
constexpr int kShortDrains = 3;
constexpr int kColdDrains = 5;
constexpr int kRestarts = 5;
constexpr double kReapingRate = 100'000;
constexpr std::uint64_t kReapingWarmUp = 7'000'000;  // 70 s: then the first jobs are reaped.
constexpr std::uint64_t kReapingMeasured = 6'000'000;
constexpr auto kQueue = "bench";

const WorkersPlan kWorkers{.worker = {.queue = kQueue}};

void say(const std::string& what) {
  fmt::print(stderr, "  {}\n", what);
}

ProducerPlan batches(std::uint64_t jobs) {
  return {.queue = kQueue, .jobs = jobs};
}
ProducerPlan singles(std::uint64_t jobs) {
  return {.queue = kQueue, .jobs = jobs, .batch = 1, .in_flight = 64};
}

// Memory once the broker has nothing left to do.
Memory memory_with(BrokerProcess& broker, const ProducerPlan& plan) {
  say(fmt::format("{} pending, in batches of {}", plan.jobs, plan.batch));
  enqueue(broker.address(), plan);
  wait_until_idle(broker.pid());
  check_counts(broker.address(), kQueue, plan.jobs, 0);
  return memory_of(broker.pid());
}

void add_memory(Figures& figures, const char* measure, const Memory& from_batches,
                const Memory& from_singles) {
  figures.add(measure, "MiB", std::max(from_batches.resident_mib, from_singles.resident_mib));
  figures.add_beside(measure, "batches", from_batches.resident_mib);
  figures.add_beside(measure, "batches_peak", from_batches.peak_mib);
  figures.add_beside(measure, "singles", from_singles.resident_mib);
  figures.add_beside(measure, "singles_peak", from_singles.peak_mib);
}

Memory memory_of_singles(Site& site, std::uint64_t jobs) {
  const auto broker = site.fresh_broker();
  const Memory memory = memory_with(*broker, singles(jobs));
  broker->stop();
  return memory;
}

// From the start of the process to the first job in a worker's hands.
void restart_after_kill(Site& site, Figures& figures, std::unique_ptr<BrokerProcess>& broker,
                        const std::string& measure) {
  say("kill -9 and restart");
  broker->kill_it();
  const auto began = Clock::now();
  broker = site.same_broker();
  const double listening = seconds_between(began, Clock::now());
  first_delivery(broker->address(), kQueue);
  figures.add(measure, "s", seconds_between(began, Clock::now()));
  figures.add_beside(measure, "listening_after", listening);
}

enum class Start : std::uint8_t { warm, cold };

// How fast 100,000 jobs are drained as they lie in memory, and after a restart has read them back.
struct ShortDrains {
  double warm = 0;
  double cold = 0;
};

double short_drain(Site& site, Start start) {
  auto broker = site.fresh_broker();
  enqueue(broker->address(), batches(kShortBacklog));
  if (start == Start::cold) {
    broker->stop();
    drop_pages(site.data());
    broker = site.same_broker();
  }
  const double rate = drain(broker->address(), kWorkers, kShortBacklog).whole.per_second();
  broker->stop();
  return rate;
}

ShortDrains short_drains(Site& site) {
  say(fmt::format("drains of {}", kShortBacklog));
  std::vector<double> warm;
  std::vector<double> cold;
  for (int i = 0; i < kShortDrains; ++i) {
    warm.push_back(short_drain(site, Start::warm));
    cold.push_back(short_drain(site, Start::cold));
  }
  return {median(warm), median(cold)};
}

struct ColdDrain {
  std::string measure;
  std::uint64_t jobs = 0;
  ShortDrains short_ones;
};

// What the last broker left is drained by a new one, after its pages have left memory.
void cold_drain(Site& site, Figures& figures, const ColdDrain& cold) {
  say(fmt::format("drain of {} after their pages have left memory", cold.jobs));
  drop_pages(site.data());
  const auto broker = site.same_broker();
  wait_until_idle(broker->pid());  // The start is another figure.
  const std::uint64_t mark = std::min(cold.jobs, kMillion);
  const Drained drained = drain(broker->address(), kWorkers, cold.jobs, mark);
  check_counts(broker->address(), kQueue, 0, cold.jobs);
  figures.add(cold.measure, "ratio", drained.to_mark.per_second() / cold.short_ones.warm);
  figures.add_beside(cold.measure, "ratio_to_cold_100k",
                     drained.to_mark.per_second() / cold.short_ones.cold);
  figures.add_beside(cold.measure, "first_million_per_s", drained.to_mark.per_second());
  figures.add_beside(cold.measure, "all_per_s", drained.whole.per_second());
  figures.add_beside(cold.measure, "per_s_at_100k", cold.short_ones.warm);
  figures.add_beside(cold.measure, "per_s_at_100k_cold", cold.short_ones.cold);
  figures.add_beside(cold.measure, "peak_rss_mib", memory_of(broker->pid()).peak_mib);
  broker->stop();
}

// 10m, or the number.
std::string size_name(std::uint64_t jobs) {
  return jobs % kMillion == 0 ? fmt::format("{}m", jobs / kMillion) : fmt::format("{}", jobs);
}

// Each beside short drains of its own: a shared machine's speed drifts.
void cold_drains(Site& site, Figures& figures, std::uint64_t jobs) {
  for (int i = 0; i < kColdDrains; ++i) {
    const ShortDrains short_ones = short_drains(site);
    const auto broker = site.fresh_broker();
    memory_with(*broker, batches(jobs));
    broker->stop();
    cold_drain(
        site, figures,
        {.measure = "drain_ratio_" + size_name(jobs), .jobs = jobs, .short_ones = short_ones});
  }
}

// Leaves the memory that the jobs took as they came.
Memory backlog(Site& site, Figures& figures, std::uint64_t jobs) {
  auto broker = site.fresh_broker();
  const Memory memory = memory_with(*broker, batches(jobs));
  for (int i = 0; i < kRestarts; ++i) {
    restart_after_kill(site, figures, broker, "restart_first_delivery_s_at_" + size_name(jobs));
  }
  broker->stop();
  cold_drains(site, figures, jobs);
  return memory;
}

}  // namespace

void run_million(Site& site, Figures& figures) {
  Memory from_batches;
  {
    const auto broker = site.fresh_broker();
    from_batches = memory_with(*broker, batches(kMillion));
    broker->stop();
  }
  add_memory(figures, "rss_mib_at_1m", from_batches, memory_of_singles(site, kMillion));
}

void run_ten_million(Site& site, Figures& figures) {
  const Memory from_batches = backlog(site, figures, kTenMillion);
  add_memory(figures, "rss_mib_at_10m", from_batches, memory_of_singles(site, kTenMillion));
}

void run_backlog(Site& site, Figures& figures, std::uint64_t jobs) {
  const Memory memory = backlog(site, figures, jobs);
  const std::string measure = "rss_mib_at_" + size_name(jobs);
  figures.add(measure, "MiB", memory.resident_mib);
  figures.add_beside(measure, "peak", memory.peak_mib);
}

void run_reaping(Site& site, Figures& figures) {
  say("retention of 60 s: two minutes at a steady rate");
  const auto broker = site.fresh_broker({"--retention", "60s"});
  ProducerPlan plan = batches(kReapingWarmUp);
  plan.in_flight = 64;
  plan.jobs_per_second = kReapingRate;
  pipeline(broker->address(), plan, kWorkers);
  const double before = cpu_seconds_of(broker->pid());
  plan.jobs = kReapingMeasured;
  const Rate rate = pipeline(broker->address(), plan, kWorkers);
  const double cpu = cpu_seconds_of(broker->pid()) - before;
  const auto measure = "broker_cpu_s_per_100k_retention_60s";
  figures.add(measure, "s", cpu * 1e5 / static_cast<double>(kReapingMeasured));
  figures.add_beside(measure, "jobs_per_s", rate.per_second());
  figures.add_beside(measure, "rss_mib", memory_of(broker->pid()).resident_mib);
  figures.add_beside(measure, "kept_jobs",
                     static_cast<double>(queue_counts(broker->address(), kQueue).completed));
  broker->stop();
}

}  // namespace pawl::bench
