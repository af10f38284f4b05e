#include <future>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/e2e/site.h"
#include <pawl/worker.h>

namespace pawl::test {
namespace {

using std::chrono::seconds;

// Jobs of several threads, each enqueued by a call of its own.
std::vector<JobId> enqueue_from_threads(Client& client, std::size_t threads, std::size_t jobs) {
  std::vector<std::future<std::vector<JobId>>> producers;
  for (std::size_t thread = 0; thread < threads; ++thread) {
    producers.push_back(std::async(std::launch::async, [&client, thread, jobs] {
      std::vector<JobId> ids;
      for (std::size_t i = 0; i < jobs; ++i) {
        const std::string payload = std::to_string(thread) + "." + std::to_string(i);
        ids.push_back(client.enqueue("echo", payload, Options().queue("main")));
      }
      return ids;
    }));
  }
  std::vector<JobId> ids;
  for (auto& producer : producers) {
    const std::vector<JobId> some = producer.get();
    ids.insert(ids.end(), some.begin(), some.end());
  }
  return ids;
}

}  // namespace

TEST_CASE("jobs enqueued from threads are run by programs in other processes and give results",
          "[e2e]") {
  Site site;
  const ChildProcess first =
      site.worker("main", "cat; echo \" $PAWL_JOB_TYPE $PAWL_ATTEMPT\"", {"--concurrency", "2"});
  const ChildProcess second = site.worker("main", "cat; echo \" $PAWL_JOB_TYPE $PAWL_ATTEMPT\"");

  const std::vector<JobId> ids = enqueue_from_threads(site.client, 4, 25);

  for (std::size_t i = 0; i < ids.size(); ++i) {
    const JobStatus job = site.client.wait(ids[i], kSoon);
    REQUIRE(job.state == JobState::completed);
    CHECK(job.result == std::to_string(i / 25) + "." + std::to_string(i % 25) + " echo 1\n");
    CHECK(job.attempt == 1);
  }
  const auto stats = site.client.queue_stats();
  REQUIRE(stats.size() == 1);
  CHECK(stats[0].completed == 100);
  CHECK(stats[0].pending + stats[0].processing == 0);
}

TEST_CASE("a program that fails is run again, and what it said last is kept", "[e2e]") {
  Site site;
  const ChildProcess worker =
      site.worker("main", "[ $PAWL_ATTEMPT = 2 ] || { echo not yet >&2; exit 3; }; echo done");

  const JobId id = site.client.enqueue(
      "stubborn", "", Options().queue("main").backoff(Milliseconds(10), Milliseconds(20)));
  const JobStatus job = site.client.wait(id, kSoon);

  CHECK(job.state == JobState::completed);
  CHECK(job.result == "done\n");
  REQUIRE(job.attempts.size() == 2);
  CHECK(job.attempts[0].end == Attempt::End::failure);
  REQUIRE(job.attempts[0].failure);
  CHECK(job.attempts[0].failure->message.find("not yet") != std::string::npos);
}

TEST_CASE("a delayed job is never delivered early", "[e2e]") {
  using std::chrono::steady_clock;
  constexpr Milliseconds kDelay{700};
  Site site;
  std::promise<steady_clock::time_point> delivered;
  Worker worker(WorkerOptions().connection(site.options()));
  worker.queue("main").on("later", [&](Context&) { delivered.set_value(steady_clock::now()); });
  worker.start();

  // The broker cannot have taken it before the call, whatever its own clock says. It counts in
  // milliseconds.
  const auto before = steady_clock::now();
  const JobId id = site.client.enqueue("later", "", Options().queue("main").delay(kDelay));
  auto at = delivered.get_future();
  REQUIRE(at.wait_for(kSoon) == std::future_status::ready);

  CHECK(at.get() - before >= kDelay - Milliseconds(1));
  const JobStatus job = site.client.wait(id, kSoon);
  REQUIRE(job.state == JobState::completed);
  CHECK(*job.started_at - *job.accepted_at >= kDelay);
  CHECK(worker.stop(kSoon));
}

}  // namespace pawl::test
