#include <atomic>
#include <future>

#include <catch2/catch.hpp>

#include "tests/e2e/site.h"

namespace pawl::test {
namespace {

using std::chrono::seconds;

// The jobs that were accepted until the broker said that it stops.
std::vector<JobId> enqueue_until_refused(const Site& site, std::atomic<std::size_t>& accepted) {
  Client client(site.options().call_deadline(seconds(3)));
  std::vector<JobId> ids;
  for (;;) {
    const auto id = client.try_enqueue("note", "", Options().queue("main"));
    if (!id) return ids;
    ids.push_back(*id);
    ++accepted;
  }
}

}  // namespace

TEST_CASE("SIGTERM lets the broker finish what is in flight and end with success", "[e2e]") {
  Site site;
  std::atomic<std::size_t> accepted{0};
  auto producer = std::async(std::launch::async,
                             [&] { return enqueue_until_refused(site, std::ref(accepted)); });
  while (accepted < 50) site.client.ping();

  CHECK(site.broker.stop(seconds(10)) == 0);
  CHECK(site.broker.log().find("stopped") != std::string::npos);
  const std::vector<JobId> ids = producer.get();
  site.broker.start();

  for (const JobStatus& job : site.client.get_many(ids)) {
    CHECK(job.found());
    CHECK(job.state == JobState::pending);
  }
}

TEST_CASE("SIGTERM ends a broker whose workers wait for jobs at once", "[e2e]") {
  Site site;
  const ChildProcess worker = site.worker("main", "echo done");
  const JobId id = site.client.enqueue("note", "", Options().queue("main"));
  REQUIRE(site.client.wait(id, kSoon).state == JobState::completed);

  CHECK(site.broker.stop(seconds(5)) == 0);
}

TEST_CASE("a second broker on the same data directory refuses to start and says why", "[e2e]") {
  Site site;

  const Finished second = site.pawld({"--data-dir", site.data(), "--listen", "127.0.0.1:0"});

  CHECK(second.status != 0);
  CHECK(second.err.find("in use by another broker") != std::string::npos);
  CHECK(second.err.find(std::to_string(site.broker.process().pid())) != std::string::npos);
  CHECK_NOTHROW(site.client.ping());
}

}  // namespace pawl::test
