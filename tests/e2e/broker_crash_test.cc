#include <atomic>
#include <future>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/e2e/site.h"
#include "tests/support/e2e_history.h"
#include <pawl/worker.h>

namespace pawl::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kCycles = 8;
constexpr std::size_t kBatch = 20;

// Enqueues batches, one after the other, until it is told to stop. The client sends again what a
// crash left unanswered.
std::size_t produce(const Site& site, E2eHistory& history, const std::string& name,
                    const std::atomic<bool>& stop) {
  Client client(site.options().call_deadline(seconds(60)));
  std::size_t batches = 0;
  for (; !stop.load(); ++batches) {
    std::vector<Job> jobs;
    for (std::size_t i = 0; i < kBatch; ++i) {
      jobs.emplace_back("note", name + "." + std::to_string(batches) + "." + std::to_string(i),
                        Options().queue("main"));
      history.attempted(jobs.back().payload);
    }
    const std::vector<Enqueued> answers = client.enqueue_many(jobs);
    for (std::size_t i = 0; i < answers.size(); ++i) {
      if (answers[i].accepted()) history.accepted(jobs[i].payload, answers[i].id.to_string());
    }
    // The next one after some of these have been run, so that the backlog stays small.
    client.wait(answers.front().id, seconds(60));
  }
  return batches;
}

std::unique_ptr<Worker> start_worker(const Site& site, E2eHistory& history) {
  auto worker = std::make_unique<Worker>(WorkerOptions().connection(site.options()).concurrency(4));
  worker->queue("main").on("note", [&history](Context& job) {
    history.began(job.payload(), job.id().to_string(), job.fencing_token());
    return job.payload();
  });
  worker->start();
  return worker;
}

// Asks for every accepted job and notes what the broker says.
void look(Client& client, E2eHistory& history) {
  std::vector<JobId> ids;
  for (const std::string& job : history.accepted_jobs()) ids.push_back(*JobId::parse(job));
  for (const JobStatus& job : client.get_many(ids, View::full)) {
    if (job.found()) history.seen(job.job->payload, job.id.to_string(), name_of(job.state));
  }
}

// What the broker lists must be what was accepted, neither more nor less.
std::size_t listed(Client& client, E2eHistory& history) {
  std::size_t count = 0;
  for (const JobStatus& job : client.list_all(ListQuery("main", JobState::completed).limit(1000))) {
    const JobStatus whole = client.get(job.id, View::full);
    history.seen(whole.job->payload, job.id.to_string(), name_of(job.state));
    ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("nothing accepted is lost or doubled while the broker is killed again and again",
          "[e2e][crash]") {
  Site site;
  E2eHistory history;
  std::atomic<bool> stop{false};
  std::vector<std::future<std::size_t>> producers;
  for (const char* name : {"a", "b", "c"}) {
    producers.push_back(
        std::async(std::launch::async, [&, name] { return produce(site, history, name, stop); }));
  }
  const auto first = start_worker(site, history);
  const auto second = start_worker(site, history);

  for (std::size_t cycle = 0; cycle < kCycles; ++cycle) {
    // Each cycle has new work accepted before it ends, so no kill is of an idle broker.
    const std::size_t before = history.accepted_count();
    while (history.accepted_count() < before + (cycle + 1) * kBatch) site.client.ping();
    site.broker.kill();
    site.broker.start();
    look(site.client, history);
  }
  stop = true;
  for (auto& producer : producers) CHECK(producer.get() > 0);
  for (const std::string& job : history.accepted_jobs()) {
    site.client.wait(*JobId::parse(job), kSoon);
  }
  look(site.client, history);

  CHECK(listed(site.client, history) == history.accepted_count());
  const auto stats = site.client.queue_stats();
  REQUIRE(stats.size() == 1);
  CHECK(stats[0].completed == history.accepted_count());
  CHECK(stats[0].pending + stats[0].processing + stats[0].retrying + stats[0].failed == 0);
  CHECK(history.verdict() == std::vector<std::string>{});
  CHECK(first->stop(seconds(5)));
  CHECK(second->stop(seconds(5)));
}

TEST_CASE("a job that runs over a restart of the broker runs once", "[e2e][crash]") {
  Site site;
  Pipe started(site.path("started"));
  Pipe gate(site.path("gate"));
  const ChildProcess worker =
      site.worker("main", "echo $PAWL_JOB_ID >" + started.path() + "; read line <" + gate.path() +
                              "; echo once");
  const JobId id = site.client.enqueue("long", "", Options().queue("main"));
  REQUIRE(started.read_line() == id.to_string());

  SECTION("killed") {
    // A lease is on disk within 250 ms at the latest; until then another start is allowed.
    const JobId other =
        site.client.enqueue("other", "", Options().queue("idle").delay(milliseconds(300)));
    while (site.client.get(other).state == JobState::scheduled) site.client.ping();
    site.broker.kill();
  }
  SECTION("stopped") {
    REQUIRE(site.broker.stop() == 0);
  }
  site.broker.start();
  CHECK(site.client.get(id).state == JobState::processing);
  gate.write_lines(1);

  const JobStatus job = site.client.wait(id, kSoon);
  CHECK(job.state == JobState::completed);
  CHECK(job.result == "once\n");
  CHECK(job.attempt == 1);
  CHECK(job.attempts.size() == 1);
  CHECK_FALSE(started.read_line(milliseconds(0)));
}

}  // namespace pawl::test
