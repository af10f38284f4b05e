#include <algorithm>
#include <csignal>

#include <catch2/catch.hpp>

#include "tests/e2e/site.h"

namespace pawl::test {

using std::chrono::seconds;

TEST_CASE("jobs of workers that are killed run elsewhere within seconds", "[e2e][crash]") {
  Site site;
  Pipe started(site.path("started"));
  Pipe gate(site.path("gate"));
  const std::string script =
      "echo $PAWL_JOB_ID >" + started.path() + "; read line <" + gate.path() + "; echo done";
  const std::vector<JobId> ids = {site.client.enqueue("hold", "", Options().queue("main")),
                                  site.client.enqueue("hold", "", Options().queue("main"))};

  // Ids of one millisecond are in no order.
  std::vector<std::string> both = {ids[0].to_string(), ids[1].to_string()};
  std::sort(both.begin(), both.end());

  for (int round = 0; round < 2; ++round) {
    ChildProcess doomed = site.worker("main", script, {"--concurrency", "2"});
    std::vector<std::string> running;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto job = started.read_line(seconds(10));  // The grace is 3 s.
      REQUIRE(job);
      running.push_back(*job);
    }
    std::sort(running.begin(), running.end());
    CHECK(running == both);
    doomed.signal(SIGKILL);
    REQUIRE(doomed.wait(seconds(5)));
  }
  const ChildProcess last = site.worker("main", script, {"--concurrency", "2"});
  REQUIRE(started.read_line(seconds(10)));
  REQUIRE(started.read_line(seconds(10)));
  gate.write_lines(64);  // Programs of the killed workers may read some of them.

  for (const JobId& id : ids) {
    const JobStatus job = site.client.wait(id, kSoon);
    CHECK(job.state == JobState::completed);
    REQUIRE(job.attempts.size() == 3);
    CHECK(job.attempts[0].end == Attempt::End::worker_lost);
    CHECK(job.attempts[1].end == Attempt::End::worker_lost);
    CHECK(job.attempts[2].end == Attempt::End::done);
  }
}

TEST_CASE("a worker that was suspended until its session had ended serves jobs again",
          "[e2e][resume]") {
  Site site({"--heartbeat", "500ms", "--lease", "2s"});
  Pipe started(site.path("started"));
  Pipe gate(site.path("gate"));
  const std::string script =
      "echo $PAWL_JOB_ID >" + started.path() + "; read line <" + gate.path() + "; echo done";
  ChildProcess suspended = site.worker("main", script, {"--concurrency", "2"});
  const JobId first = site.client.enqueue("hold", "", Options().queue("main"));
  REQUIRE(started.read_line() == first.to_string());

  suspended.signal(SIGSTOP);
  {
    ChildProcess other = site.worker("main", script);
    REQUIRE(started.read_line() == first.to_string());
    gate.write_lines(64);  // The program of the suspended worker may read one.
    CHECK(site.client.wait(first, kSoon).state == JobState::completed);
    other.signal(SIGTERM);
    REQUIRE(other.wait(kSoon) == 0);
  }
  suspended.signal(SIGCONT);

  const JobId second = site.client.enqueue("hold", "", Options().queue("main"));
  const JobStatus job = site.client.wait(second, kSoon);
  CHECK(job.state == JobState::completed);
  CHECK(job.attempts.size() == 1);
  suspended.signal(SIGTERM);
  CHECK(suspended.wait(kSoon) == 0);
}

TEST_CASE("a worker started with SIGCHLD ignored learns all the same how its programs end",
          "[e2e]") {
  Site site;
  std::vector<std::string> command = {"/bin/sh", "-c", "trap '' CHLD; exec \"$@\"", "sh"};
  for (const std::string& word : site.pawl_command()) command.push_back(word);
  for (const char* word : {"worker", "exec", "--queue", "main", "--", "/bin/sh", "-c", "exit 3"}) {
    command.emplace_back(word);
  }
  const ChildProcess worker(std::move(command));
  const JobId id = site.client.enqueue("fails", "", Options().queue("main").max_attempts(1));
  const JobStatus job = site.client.wait(id, kSoon);
  REQUIRE(job.failure);
  CHECK(job.failure->error_class == "exit 3");
}

TEST_CASE("a folder is no program", "[e2e]") {
  const Site site;
  CHECK(site.pawl({"worker", "exec", "--", "/usr"}).status == 2);
}

TEST_CASE("a worker that is told to stop finishes what it runs", "[e2e]") {
  Site site;
  Pipe started(site.path("started"));
  Pipe gate(site.path("gate"));
  ChildProcess worker = site.worker("main", "echo $PAWL_JOB_ID >" + started.path() +
                                                "; read line <" + gate.path() + "; echo done");
  const JobId id = site.client.enqueue("hold", "", Options().queue("main"));
  REQUIRE(started.read_line());

  worker.signal(SIGTERM);
  gate.write_lines(1);

  CHECK(worker.wait(kSoon) == 0);
  CHECK(site.client.get(id).state == JobState::completed);
}

TEST_CASE("cancelling a running job ends its program", "[e2e]") {
  Site site;
  Pipe started(site.path("started"));
  Pipe gate(site.path("gate"));
  const ChildProcess worker =
      site.worker("main", "echo $PAWL_JOB_ID >" + started.path() + "; read line <" + gate.path());
  const JobId id = site.client.enqueue("hold", "", Options().queue("main"));
  REQUIRE(started.read_line());

  CHECK(site.client.cancel(id) == JobState::processing);

  CHECK(site.client.wait(id, kSoon).state == JobState::cancelled);
}

}  // namespace pawl::test
