// Workers that live while the broker cannot hear them keep their jobs.

#include <algorithm>
#include <csignal>
#include <string>

#include <catch2/catch.hpp>

#include "tests/e2e/site.h"
#include "tests/e2e/wire_client.h"

namespace pawl::test {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

const std::vector<std::string> kShortLease = {"--heartbeat",      "500ms", "--lease", "2s",
                                              "--listen-threads", "2"};
constexpr milliseconds kMoreThanALease{2'500};
// What is wrongly given up is given up at once, and a worker waits for it.
constexpr milliseconds kGivenUpWithin{1'000};

// One job that runs until the gate opens, and a worker that waits for it to be given up.
struct HeldJob {
  HeldJob() {
    REQUIRE(started.read_line() == id.to_string());
    other.emplace(site.worker("main", script));
  }

  bool is_started_again(milliseconds within) { return started.read_line(within).has_value(); }
  void check_done_once() {
    gate.write_lines(1);
    const JobStatus job = site.client.wait(id, kSoon);
    CHECK(job.state == JobState::completed);
    CHECK(job.attempts.size() == 1);
  }

  Site site{kShortLease};
  Pipe started{site.path("started")};
  Pipe gate{site.path("gate")};
  const std::string script =
      "echo $PAWL_JOB_ID >" + started.path() + "; read line <" + gate.path() + "; echo done";
  ChildProcess holder = site.worker("main", script);
  const JobId id = site.client.enqueue("hold", "", Options().queue("main"));
  std::optional<ChildProcess> other;
};

}  // namespace

TEST_CASE("a broker that was stopped and goes on does not take its workers for silent",
          "[e2e][standstill]") {
  HeldJob held;
  held.site.broker.process().signal(SIGSTOP);
  CHECK_FALSE(held.is_started_again(kMoreThanALease));
  held.site.broker.process().signal(SIGCONT);

  CHECK_FALSE(held.is_started_again(kGivenUpWithin));
  held.check_done_once();
}

// Then nothing lies unread when the broker goes on.
TEST_CASE("a worker that was suspended with the broker keeps its jobs", "[e2e][standstill]") {
  HeldJob held;
  held.holder.signal(SIGSTOP);
  held.site.broker.process().signal(SIGSTOP);
  CHECK_FALSE(held.is_started_again(kMoreThanALease));
  held.site.broker.process().signal(SIGCONT);
  CHECK_FALSE(held.is_started_again(kGivenUpWithin));
  held.holder.signal(SIGCONT);

  held.check_done_once();
}

TEST_CASE("a worker whose heartbeats wait behind its other requests keeps its jobs",
          "[e2e][standstill]") {
  Site site(kShortLease);
  WireClient worker(site.broker.address());
  worker.hello_worker();
  const JobId id = site.client.enqueue("hold", "", Options().queue("main"));
  worker.send([](pb::Request& request) {
    request.mutable_fetch()->add_queues("main");
    request.mutable_fetch()->set_credits(1);
  });
  REQUIRE(worker.read().fetch().deliveries_size() == 1);
  const JobId later = site.client.enqueue("note", "", Options().queue("later"));
  for (int i = 0; i < 256; ++i) {  // As many as it reads on with.
    worker.send([&](pb::Request& request) {
      request.mutable_wait_job()->set_id(later.bytes().data(), later.bytes().size());
      request.mutable_wait_job()->set_max_wait_ms(60'000);
    });
  }

  Pipe started(site.path("started"));
  const ChildProcess other = site.worker("main", "echo $PAWL_JOB_ID >" + started.path());
  const auto end = steady_clock::now() + kMoreThanALease + kGivenUpWithin;
  while (steady_clock::now() < end) {
    worker.send([](pb::Request& request) { request.mutable_heartbeat(); });
    REQUIRE_FALSE(started.read_line(milliseconds(500)));
  }
  CHECK(site.client.get(id).state == JobState::processing);
}

}  // namespace pawl::test
