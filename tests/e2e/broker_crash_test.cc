#include <cstdlib>
#include <random>

#include <catch2/catch.hpp>

#include "tests/e2e/crash_load.h"

namespace pawl::test {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kKills = 12;

std::uint64_t from_environment(const char* name, std::uint64_t standard) {
  const char* text = std::getenv(name);
  return text == nullptr ? standard : std::strtoull(text, nullptr, 10);
}

// Any moment of the broker's work: some of what goes on is let pass.
void let_pass(const CrashLoad& load, Client& client, std::uint64_t events) {
  const std::uint64_t end = load.history().events() + events;
  while (load.history().events() < end) client.ping();
}

}  // namespace

// PAWL_KILLS sets how often, PAWL_SEED when.
TEST_CASE("nothing accepted is lost or doubled while the broker is killed again and again",
          "[e2e][crash]") {
  const std::uint64_t seed = from_environment("PAWL_SEED", std::random_device{}());
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  Site site;
  CrashLoad load(site);

  for (std::uint64_t kill = from_environment("PAWL_KILLS", kKills); kill != 0; --kill) {
    let_pass(load, site.client, random() % (kill % 3 == 0 ? 20 : 400));
    site.broker.kill();
    site.broker.start();
    if (kill % 4 == 0) load.look(site.client);
  }

  CHECK(load.finish(site.client) == std::vector<std::string>{});
  CHECK(load.history().accepted_count() > 100);
  REQUIRE(site.broker.stop() == 0);
  const Finished checked = site.pawld({"fsck", site.data()});
  CHECK(checked.status == 0);
  CAPTURE(checked.out);
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
