#include "bench/workload.h"

#include <array>
#include <exception>
#include <memory>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "bench/actor.h"
#include "bench/messages.h"

namespace pawl::bench {
namespace {

using Workers = std::vector<std::unique_ptr<Worker>>;

Workers make_workers(const Address& address, const WorkersPlan& plan, WorkersTotal& total) {
  Workers workers;
  for (std::size_t i = 0; i < plan.sessions; ++i) {
    workers.push_back(std::make_unique<Worker>(address, plan.worker, total));
  }
  return workers;
}

std::vector<Actor*> actors_of(const Workers& workers) {
  std::vector<Actor*> actors;
  for (const auto& worker : workers) actors.push_back(worker.get());
  return actors;
}

void check(const WorkersTotal& total) {
  const Ledger& ledger = total.ledger;
  if (ledger.lost() + ledger.doubled() + ledger.foreign() + total.refused == 0 &&
      total.completed == ledger.jobs()) {
    return;
  }
  throw std::runtime_error(
      fmt::format("of {} jobs {} were lost, {} doubled, {} of another run; {} outcomes refused",
                  ledger.jobs(), ledger.lost(), ledger.doubled(), ledger.foreign(), total.refused));
}

}  // namespace

Rate enqueue(const Address& address, const ProducerPlan& plan) {
  Producer producer(address, plan);
  const std::array<Actor*, 1> actors{&producer};
  const auto began = Clock::now();
  run_actors(actors);
  return {producer.accepted(), seconds_between(began, Clock::now())};
}

Drained drain(const Address& address, const WorkersPlan& plan, std::uint64_t jobs,
              std::uint64_t mark) {
  WorkersTotal total(jobs);
  total.mark_at = mark == 0 ? jobs : mark;
  const Workers workers = make_workers(address, plan, total);
  const auto began = Clock::now();
  run_actors(actors_of(workers));
  const auto ended = Clock::now();
  check(total);
  return {.whole = {jobs, seconds_between(began, ended)},
          .to_mark = {total.mark_at, seconds_between(began, total.marked_at)},
          .began = began};
}

Rate pipeline(const Address& address, const ProducerPlan& producer_plan,
              const WorkersPlan& workers_plan) {
  WorkersTotal total(producer_plan.jobs);
  Producer producer(address, producer_plan);
  const Workers workers = make_workers(address, workers_plan, total);
  std::vector<Actor*> actors = actors_of(workers);
  actors.push_back(&producer);
  const auto began = Clock::now();
  run_actors(actors);
  const double seconds = seconds_between(began, Clock::now());
  check(total);
  return {producer_plan.jobs, seconds};
}

Latency latency(const Address& address, const ProducerPlan& producer_plan,
                const WorkerPlan& worker_plan) {
  WorkersTotal total(producer_plan.jobs);
  Worker worker(address, worker_plan, total);
  std::exception_ptr failed;
  std::thread working([&] {
    try {
      const std::array<Actor*, 1> actors{&worker};
      run_actors(actors);
    } catch (...) {
      failed = std::current_exception();
    }
  });
  try {
    enqueue(address, producer_plan);
  } catch (...) {
    working.join();
    throw;
  }
  working.join();
  if (failed) std::rethrow_exception(failed);
  check(total);
  return {total.latency_from_call, total.latency_from_due};
}

void first_delivery(const Address& address, const std::string& queue) {
  Connection connection(address, Role::worker);
  const std::string fetched =
      connection.call(fetch_frame(1, {.queue = queue, .credits = 1, .max_wait_ms = 60'000}));
  const ReplyView reply = read_reply(fetched);
  if (reply.result != kFetchResult || reply.message.empty()) {
    throw std::runtime_error("no job came");
  }
  const std::string released = connection.call(release_frame(2, reply.message));
  if (read_reply(released).result != kReportResult) {
    throw std::runtime_error("the job was not taken back");
  }
}

void check_counts(const Address& address, const std::string& queue, std::uint64_t pending,
                  std::uint64_t completed) {
  const QueueCounts counts = queue_counts(address, queue);
  if (counts.pending == pending && counts.completed == completed &&
      counts.processing + counts.other == 0) {
    return;
  }
  throw std::runtime_error(
      fmt::format("queue {} has {} pending, {} processing, {} completed, {} others; expected {} "
                  "pending and {} completed",
                  queue, counts.pending, counts.processing, counts.completed, counts.other, pending,
                  completed));
}

}  // namespace pawl::bench
