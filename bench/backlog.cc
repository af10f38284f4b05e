// The figures that need a long backlog or a long time.

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "bench/disk.h"
#include "bench/standard.h"
#include "bench/workload.h"

namespace pawl::bench {
namespace {

constexpr std::uint64_t kMillion = 1'000'000;
constexpr std::uint64_t kTenMillion = 10'000'000;
constexpr std::uint64_t kShortBacklog = 100'000;
constexpr int kShortDrains = 5;
constexpr int kRestarts = 3;
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
void restart_after_kill(Site& site, Figures& figures, std::unique_ptr<BrokerProcess>& broker) {
  say("kill -9 and restart");
  broker->kill_it();
  const auto began = Clock::now();
  broker = site.same_broker();
  const double listening = seconds_between(began, Clock::now());
  first_delivery(broker->address(), kQueue);
  figures.add("restart_first_delivery_s_at_10m", "s", seconds_between(began, Clock::now()));
  figures.add_beside("restart_first_delivery_s_at_10m", "listening_after", listening);
}

double short_drain(Site& site) {
  const auto broker = site.fresh_broker();
  enqueue(broker->address(), batches(kShortBacklog));
  const double rate = drain(broker->address(), kWorkers, kShortBacklog).whole.per_second();
  broker->stop();
  return rate;
}

void cold_drain(Site& site, Figures& figures, double short_rate) {
  say("drain of 10 million after their pages have left memory");
  drop_pages(site.data());
  const auto broker = site.same_broker();
  const Drained drained = drain(broker->address(), kWorkers, kTenMillion, kMillion);
  check_counts(broker->address(), kQueue, 0, kTenMillion);
  const auto measure = "drain_ratio_10m";
  figures.add(measure, "ratio", drained.to_mark.per_second() / short_rate);
  figures.add_beside(measure, "first_million_per_s", drained.to_mark.per_second());
  figures.add_beside(measure, "all_per_s", drained.whole.per_second());
  figures.add_beside(measure, "per_s_at_100k", short_rate);
  figures.add_beside(measure, "peak_rss_mib", memory_of(broker->pid()).peak_mib);
  broker->stop();
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
  say("drains of 100,000");
  std::vector<double> short_rates;
  for (int i = 0; i < kShortDrains; ++i) short_rates.push_back(short_drain(site));

  auto broker = site.fresh_broker();
  const Memory from_batches = memory_with(*broker, batches(kTenMillion));
  for (int i = 0; i < kRestarts; ++i) restart_after_kill(site, figures, broker);
  broker->stop();
  cold_drain(site, figures, median(short_rates));
  add_memory(figures, "rss_mib_at_10m", from_batches, memory_of_singles(site, kTenMillion));
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
  broker->stop();
}

}  // namespace pawl::bench
