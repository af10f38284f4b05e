#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "bench/broker_process.h"
#include "bench/disk.h"
#include "bench/figures.h"
#include "bench/sdk_load.h"
#include "bench/site.h"
#include "bench/standard.h"
#include "bench/workload.h"
#include "client/cli/usage.h"

namespace {

using namespace pawl::bench;
using pawl::cli::CommandError;
using pawl::cli::number_over_zero;
using pawl::cli::whole_number;
namespace json = boost::json;

// What the flags of all workloads say.
struct Flags {
  Address broker;
  pid_t broker_pid = 0;
  ProducerPlan producer{.jobs = 100'000};
  WorkersPlan workers;
  unsigned handler_ms = 0;
  double seconds = 10;
  std::string directory = ".";
  std::string pawld;
  std::string rocks_loop;
  std::string json_file;
  unsigned rounds = 5;
  bool quick = false;

  WorkersPlan working() const {
    WorkersPlan plan = workers;
    plan.worker.queue = producer.queue;
    plan.worker.handler = std::chrono::milliseconds(handler_ms);
    return plan;
  }
};

double broker_cpu(const Flags& flags) {
  return flags.broker_pid == 0 ? 0 : cpu_seconds_of(flags.broker_pid);
}

void print(const json::object& object) {
  fmt::print("{}\n", json::serialize(object));
}

json::object describe(const char* workload, const Rate& rate) {
  return {{"workload", workload},
          {"jobs", rate.jobs},
          {"seconds", rate.seconds},
          {"per_s", rate.per_second()}};
}

void add_cpu(json::object& object, const Flags& flags, double cpu, std::uint64_t jobs) {
  if (flags.broker_pid == 0) return;
  object["broker_cpu_s_per_100k"] = (broker_cpu(flags) - cpu) * 1e5 / static_cast<double>(jobs);
}

void require_whole_batches(const Flags& flags) {
  if (flags.producer.jobs % flags.producer.batch == 0) return;
  throw pawl::cli::usage_error("--jobs is no multiple of --batch",
                               fmt::format("--batch is {}", flags.producer.batch));
}

void run_enqueue(const Flags& flags) {
  require_whole_batches(flags);
  const double cpu = broker_cpu(flags);
  json::object line = describe("enqueue", enqueue(flags.broker, flags.producer));
  add_cpu(line, flags, cpu, flags.producer.jobs);
  print(line);
}

void run_drain(const Flags& flags) {
  const double cpu = broker_cpu(flags);
  const Drained drained = drain(flags.broker, flags.working(), flags.producer.jobs);
  json::object line = describe("drain", drained.whole);
  add_cpu(line, flags, cpu, flags.producer.jobs);
  print(line);
}

void run_cycle(const Flags& flags) {
  const double cpu = broker_cpu(flags);
  run_enqueue(flags);
  run_drain(flags);
  check_counts(flags.broker, flags.producer.queue, 0, flags.producer.jobs);
  json::object line{{"workload", "cycle"}, {"jobs", flags.producer.jobs}};
  add_cpu(line, flags, cpu, flags.producer.jobs);
  print(line);
}

void run_pipeline(const Flags& flags) {
  require_whole_batches(flags);
  const double cpu = broker_cpu(flags);
  json::object line = describe("pipeline", pipeline(flags.broker, flags.producer, flags.working()));
  add_cpu(line, flags, cpu, flags.producer.jobs);
  print(line);
}

void run_latency(const Flags& flags) {
  ProducerPlan plan = flags.producer;
  if (plan.jobs_per_second <= 0) plan.jobs_per_second = 500;
  plan.batch = 1;
  plan.in_flight = 200;
  plan.jobs = static_cast<std::uint64_t>(plan.jobs_per_second * flags.seconds);
  const Latency taken = latency(flags.broker, plan, flags.working().worker);
  const auto us = [](const Histogram& histogram, double quantile) {
    return static_cast<double>(histogram.quantile(quantile)) / 1e3;
  };
  print({{"workload", "latency"},
         {"jobs", plan.jobs},
         {"per_s", plan.jobs_per_second},
         {"p50_us", us(taken.from_call, 0.5)},
         {"p99_us", us(taken.from_call, 0.99)},
         {"p999_us", us(taken.from_call, 0.999)},
         {"max_us", us(taken.from_call, 1)},
         {"from_due_p50_us", us(taken.from_due, 0.5)},
         {"from_due_p99_us", us(taken.from_due, 0.99)}});
}

void run_disk(const Flags& flags) {
  const DiskFigures disk = measure_disk(flags.directory, 2000);
  print({{"workload", "disk"},
         {"sync_p50_us", disk.sync_p50_us},
         {"sync_p99_us", disk.sync_p99_us},
         {"syncs_per_s", disk.syncs_per_s}});
}

void run_sdk_cycle(const Flags& flags) {
  const double cpu = broker_cpu(flags);
  const SdkFigures taken = run_sdk(flags.broker, flags.producer.queue, flags.producer.jobs);
  const double scale = 1e5 / static_cast<double>(flags.producer.jobs);
  json::object line{{"workload", "sdk"},
                    {"jobs", flags.producer.jobs},
                    {"enqueue_per_s", taken.enqueue_per_s},
                    {"drain_per_s", taken.drain_per_s},
                    {"enqueue_client_cpu_s_per_100k", taken.enqueue_cpu_s * scale},
                    {"drain_client_cpu_s_per_100k", taken.drain_cpu_s * scale}};
  add_cpu(line, flags, cpu, flags.producer.jobs);
  print(line);
}

void keep(const Flags& flags, const Figures& figures) {
  if (!flags.json_file.empty()) std::ofstream(flags.json_file) << figures.lines();
}

void report(const Flags& flags, const Figures& figures) {
  keep(flags, figures);
  fmt::print("{}", figures.lines());
}

void run_standard(const Flags& flags) {
  Site site({.pawld = flags.pawld, .rocks_loop = flags.rocks_loop}, flags.directory);
  Figures figures;
  for (unsigned round = 1; round <= flags.rounds; ++round) {
    fmt::print(stderr, "round {} of {}\n", round, flags.rounds);
    run_standard_round(site, figures);
    keep(flags, figures);
  }
  run_million(site, figures);
  keep(flags, figures);
  if (!flags.quick) {
    run_reaping(site, figures);
    keep(flags, figures);
    run_ten_million(site, figures);
  }
  report(flags, figures);
}

void run_backlog_alone(const Flags& flags) {
  Site site({.pawld = flags.pawld, .rocks_loop = {}}, flags.directory);
  Figures figures;
  run_backlog(site, figures, flags.producer.jobs);
  report(flags, figures);
}

void run_reaping_alone(const Flags& flags) {
  Site site({.pawld = flags.pawld, .rocks_loop = {}}, flags.directory);
  Figures figures;
  run_reaping(site, figures);
  report(flags, figures);
}

void set_broker(Flags& flags, const std::string& address) {
  try {
    flags.broker = parse_address(address);
  } catch (const std::runtime_error& error) {
    throw pawl::cli::usage_error("--address: " + std::string(error.what()), "127.0.0.1:7295");
  }
}

void add_jobs(CLI::App& app, Flags& flags, const char* description) {
  app.add_option("--jobs", flags.producer.jobs, description)->check(whole_number({.least = 1}));
}

void add_common(CLI::App& app, Flags& flags) {
  app.add_option_function<std::string>(
      "--address", [&flags](const std::string& address) { set_broker(flags, address); },
      "where the broker listens; 127.0.0.1:7295 by default");
  app.add_option("--broker-pid", flags.broker_pid, "whose processor time to count")
      ->check(whole_number({.least = 1, .most = 1U << 22}));
  app.add_option("--queue", flags.producer.queue, "the queue")->capture_default_str();
  add_jobs(app, flags, "how many jobs");
}

void add_producer(CLI::App& app, Flags& flags) {
  app.add_option("--batch", flags.producer.batch, "jobs of a request")
      ->capture_default_str()
      ->check(whole_number({.least = 1, .most = 1000}));
  app.add_option("--in-flight", flags.producer.in_flight, "requests at once")
      ->check(whole_number({.least = 1, .most = 10'000}));
  app.add_option("--rate", flags.producer.jobs_per_second, "open loop: jobs per second")
      ->check(number_over_zero());
}

void add_workers(CLI::App& app, Flags& flags) {
  app.add_option("--sessions", flags.workers.sessions, "workers")
      ->check(whole_number({.least = 1, .most = 10'000}));
  app.add_option("--fetches", flags.workers.worker.in_flight, "fetches at once of each worker")
      ->check(whole_number({.least = 1, .most = 10'000}));
  app.add_option("--credits", flags.workers.worker.credits, "jobs of a fetch")
      ->check(whole_number({.least = 1, .most = 1000}));
  app.add_option("--handler-ms", flags.handler_ms, "how long a handler runs")
      ->check(whole_number({.most = 86'400'000}));
}

// A workload is what its command's callback does.
void add_commands(CLI::App& app, Flags& flags) {
  const auto add = [&](const char* name, const char* help, void (*run)(const Flags&)) {
    CLI::App* const command = app.add_subcommand(name, help);
    command->callback([&flags, run] { run(flags); });
    return command;
  };
  CLI::App* const filling = add("enqueue", "put jobs in", run_enqueue);
  CLI::App* const draining = add("drain", "run the jobs that an enqueue left", run_drain);
  CLI::App* const cycling = add("cycle", "enqueue, then drain", run_cycle);
  CLI::App* const both = add("pipeline", "producer and workers at once", run_pipeline);
  CLI::App* const steady = add("latency", "single jobs at a steady rate", run_latency);
  CLI::App* const disk = add("disk", "what the disk can sync", run_disk);
  for (CLI::App* command : {filling, draining, cycling, both, steady}) add_common(*command, flags);
  for (CLI::App* command : {filling, cycling, both}) add_producer(*command, flags);
  for (CLI::App* command : {draining, cycling, both}) add_workers(*command, flags);
  steady->add_option("--rate", flags.producer.jobs_per_second, "jobs per second")
      ->check(number_over_zero());
  steady->add_option("--seconds", flags.seconds, "for how long")->check(number_over_zero());
  disk->add_option("--dir", flags.directory, "where to write");
  CLI::App* const sdk = add("sdk", "the same as cycle through the C++ SDK", run_sdk_cycle);
  add_common(*sdk, flags);
  CLI::App* const standard =
      add("standard", "the standard set, on brokers of its own", run_standard);
  CLI::App* const backlog = add(
      "backlog", "restart and drain with a long backlog, on brokers of its own", run_backlog_alone);
  CLI::App* const reaping = add(
      "reaping", "two minutes with a retention of 60 s, on a broker of its own", run_reaping_alone);
  for (CLI::App* command : {standard, backlog, reaping}) {
    command->add_option("--pawld", flags.pawld, "the broker's program")->required();
    command->add_option("--dir", flags.directory, "on the disk to be measured");
    command->add_option("--json", flags.json_file, "write the figures to this file too");
  }
  standard->add_option("--rocks-loop", flags.rocks_loop, "the bare RocksDB loop's program");
  standard->add_option("--rounds", flags.rounds, "how often; the figures are medians")
      ->check(whole_number({.least = 1, .most = 1000}));
  standard->add_flag("--quick", flags.quick, "leave out what needs 10 million jobs or minutes");
  add_jobs(*backlog, flags, "how many are pending");
}

int fail(const CommandError& error) {
  fmt::print(stderr, "error: {}\n", error.what());
  if (!error.hint().empty()) fmt::print(stderr, "hint: {}\n", error.hint());
  return static_cast<int>(error.exit_code());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("pawl-bench, the load generator of the Pawl job queue", "pawl-bench");
  app.require_subcommand(1);
  Flags flags;
  add_commands(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::ParseError& wrong) {
    return fail(pawl::cli::usage_error_of(app, wrong));
  } catch (const CommandError& error) {
    return fail(error);
  } catch (const std::exception& error) {
    return fail(CommandError(pawl::cli::ExitCode::failed, error.what()));
  }
  return 0;
}
