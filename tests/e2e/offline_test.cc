#include <algorithm>
#include <filesystem>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch.hpp>

#include "tests/e2e/data_files.h"
#include "tests/e2e/site.h"

namespace pawl::test {
namespace {

namespace json = boost::json;

// A broker's directory with jobs of several states.
struct Filled {
  Filled() {
    const ChildProcess worker = site.worker("main", "test $PAWL_JOB_TYPE = good");
    std::vector<Job> jobs;
    for (int i = 0; i < 300; ++i) {
      jobs.emplace_back("note", std::string(256, static_cast<char>('a' + i % 26)),
                        Options().queue("idle"));
    }
    jobs.emplace_back("later", "", Options().queue("idle").delay(std::chrono::hours(1)));
    site.client.enqueue_many(jobs);
    completed = site.client.enqueue("good", "", Options().queue("main"));
    failed = site.client.enqueue("bad", "", Options().queue("main").max_attempts(1));
    site.client.wait(completed, kSoon);
    site.client.wait(failed, kSoon);
  }

  json::value inspect() const {
    const Finished shown = site.pawld({"inspect", site.data(), "--jobs", "-o", "json"});
    REQUIRE(shown.status == 0);
    return json::parse(shown.out);
  }

  Site site;
  JobId completed;
  JobId failed;
};

int number(const json::value& value) {
  return value.to_number<int>();
}

}  // namespace

TEST_CASE("inspect tells the jobs of a stopped broker by queue and state", "[e2e][offline]") {
  Filled filled;
  SECTION("stopped") {
    REQUIRE(filled.site.broker.stop() == 0);
  }
  SECTION("killed") {
    filled.site.broker.kill();
  }

  const json::value shown = filled.inspect();

  CHECK(number(shown.at("format")) == 1);
  const json::array& queues = shown.at("queues").as_array();
  REQUIRE(queues.size() == 2);
  const auto idle = std::find_if(queues.begin(), queues.end(), [](const json::value& queue) {
    return queue.at("queue").as_string() == "idle";
  });
  REQUIRE(idle != queues.end());
  CHECK(number(idle->at("pending")) == 300);
  CHECK(number(idle->at("scheduled")) == 1);
  CHECK(shown.at("jobs").as_array().size() == 303);
  std::size_t found = 0;
  for (const json::value& job : shown.at("jobs").as_array()) {
    if (job.at("id").as_string() == filled.completed.to_string()) {
      ++found;
      CHECK(job.at("state").as_string() == "completed");
      CHECK(job.at("type").as_string() == "good");
    }
    if (job.at("id").as_string() == filled.failed.to_string()) {
      ++found;
      CHECK(job.at("state").as_string() == "failed");
    }
  }
  CHECK(found == 2);

  const Finished text = filled.site.pawld({"inspect", filled.site.data()});
  CHECK(text.status == 0);
  CHECK(text.out.find("idle") != std::string::npos);
}

TEST_CASE("fsck finds nothing in a sound directory, stopped or killed", "[e2e][offline]") {
  Filled filled;
  SECTION("stopped") {
    REQUIRE(filled.site.broker.stop() == 0);
  }
  SECTION("killed") {
    filled.site.broker.kill();
  }

  const Finished checked = filled.site.pawld({"fsck", filled.site.data()});

  CHECK(checked.out == "303 jobs in 3 batches: all tables agree\n");
  CHECK(checked.status == 0);
}

TEST_CASE("inspect and fsck say beforehand what memory they take", "[e2e][offline]") {
  for (const char* command : {"inspect", "fsck"}) {
    const Finished help = run({PAWL_PAWLD, command, "--help"});
    CHECK(help.status == 0);
    CHECK(help.out.find("for each batch") != std::string::npos);
  }
}

TEST_CASE("inspect and fsck leave a running broker's directory alone", "[e2e][offline]") {
  Site site;
  for (const char* command : {"inspect", "fsck"}) {
    const Finished refused = site.pawld({command, site.data()});
    CHECK(refused.status == 2);
    CHECK(refused.err.find("in use by another broker") != std::string::npos);
  }
  const Finished nowhere = site.pawld({"fsck", site.path("nowhere")});
  CHECK(nowhere.status == 2);
  CHECK_FALSE(std::filesystem::exists(site.path("nowhere")));
}

TEST_CASE("fsck names the file that is damaged", "[e2e][offline]") {
  Filled filled;
  REQUIRE(filled.site.broker.stop() == 0);
  filled.site.broker.start();  // What was in the log is in table files now.
  REQUIRE(filled.site.broker.stop() == 0);
  const std::filesystem::path damaged = data_files(filled.site.data(), ".sst").at(0);
  flip_bytes(damaged, 100);

  const Finished checked = filled.site.pawld({"fsck", filled.site.data()});

  CHECK(checked.status == 1);
  CHECK(checked.out.find(damaged.filename().string()) != std::string::npos);
}

}  // namespace pawl::test
