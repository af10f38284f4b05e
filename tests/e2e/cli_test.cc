#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/e2e/site.h"

namespace pawl::test {
namespace {

namespace json = boost::json;

// All of the output is one JSON value, or this throws.
json::value json_of(const Finished& finished) {
  return json::parse(finished.out);
}

std::string line_of(const Finished& finished) {
  return finished.out.substr(0, finished.out.find('\n'));
}

constexpr std::chrono::hours kLater{1};
constexpr const char* kNobody = "01900000-0000-7000-8000-000000000000";

}  // namespace

TEST_CASE("a job goes from the command line through a worker and back", "[e2e][cli]") {
  Site site;
  const ChildProcess worker = site.worker("media", "tr a-z A-Z");

  const Finished enqueued = site.pawl({"enqueue", "--queue", "media", "shout", "hello"});
  REQUIRE(enqueued.status == 0);
  const std::string id = line_of(enqueued);
  const Finished waited = site.pawl({"job", "wait", id});
  CHECK(waited.status == 0);
  CHECK(waited.out == "HELLO");

  const Finished got = site.pawl({"-o", "json", "job", "get", id});
  CHECK(got.status == 0);
  CHECK(got.err.empty());
  const json::value job = json_of(got);
  CHECK(job.at("id").as_string() == id);
  CHECK(job.at("state").as_string() == "completed");
  CHECK(job.at("payload").as_string() == "hello");
  CHECK(job.at("attempts").as_array().size() == 1);

  const Finished with_input =
      site.pawl({"enqueue", "--queue", "media", "shout", "-", "--wait"}, "x");
  CHECK(with_input.status == 0);
  CHECK(with_input.out == "X");
}

TEST_CASE("an option that may be repeated takes one value each time", "[e2e][cli]") {
  Site site;
  const ChildProcess worker = site.worker("main", "cat", {"--type", "note"});

  const Finished done =
      site.pawl({"enqueue", "--queue", "main", "--tag", "blue", "note", "x", "--wait=20s"});

  CHECK(done.status == 0);
  CHECK(done.out == "x");
}

TEST_CASE("programs get JSON and nothing else on standard output", "[e2e][cli]") {
  Site site;
  const Finished enqueued = site.pawl({"-o", "json", "enqueue", "note", "x"});
  CHECK(json_of(enqueued).at("id").as_string().size() == 36);

  const Finished queues = site.pawl({"-o", "json", "queue", "list"});
  CHECK(json_of(queues).at("queues").at(0).at("pending").to_number<int>() == 1);
  const Finished jobs = site.pawl({"-o", "json", "job", "list"});
  CHECK(json_of(jobs).at("jobs").as_array().size() == 1);
  const json::value status = json_of(site.pawl({"-o", "json", "status"}));
  CHECK(status.at("lanes").to_number<int>() == 1);
  CHECK_FALSE(status.at("jobs").as_object().contains("lanes"));
  CHECK(json_of(site.pawl({"-o", "json", "ping"})).is_object());

  const Finished missing = site.pawl({"-o", "json", "job", "get", kNobody});
  CHECK(missing.out.empty());
  CHECK(json::parse(missing.err).at("error").at("code").as_string() == "not_found");
}

TEST_CASE("the exit code tells a script what went wrong", "[e2e][cli]") {
  Site site;
  const ChildProcess worker = site.worker("main", "exit 1");

  CHECK(site.pawl({"job", "get", kNobody}).status == 3);
  CHECK(site.pawl({"job", "wait", kNobody}).status == 3);
  CHECK(site.pawl({"job", "get", "nonsense"}).status == 2);
  CHECK(site.pawl({"enqueue"}).status == 2);
  CHECK(site.pawl({"enqueue", "--delya", "1s", "note"}).status == 2);
  CHECK(site.pawl({"enqueue", "note", "--delay", "soon"}).status == 2);
  CHECK(site.pawl({"enqueue", "--queue", "main", "--max-attempts", "1", "note", "--wait"}).status ==
        1);
  CHECK(site.pawl({"enqueue", "note", "--wait=20ms"}).status == 7);

  REQUIRE(site.broker.stop() == 0);
  const Finished alone = site.pawl({"--timeout", "300ms", "ping"});
  CHECK((alone.status == 6 || alone.status == 7));
  CHECK(alone.err.find("error: ") == 0);
}

TEST_CASE("a list that is cut off says so, in every format", "[e2e][cli]") {
  Site site;
  site.client.enqueue_many(std::vector<Job>(3, Job("note", "x")));

  const Finished table = site.pawl({"-o", "table", "job", "list", "--limit", "2"});
  CHECK(table.err.find("more") != std::string::npos);
  CHECK(site.pawl({"job", "list", "--limit", "2"}).err.find("more") != std::string::npos);
  CHECK(site.pawl({"job", "list", "--limit", "3"}).err.empty());

  const std::vector<std::string> pending = {"-o", "json", "job", "list", "--state", "pending"};
  auto first = pending;
  first.insert(first.end(), {"--limit", "2"});
  const Finished page = site.pawl(first);
  CHECK(page.err.find("more") != std::string::npos);
  CHECK(json_of(page).at("truncated").as_bool());
  auto rest = pending;
  rest.insert(rest.end(), {"--cursor", std::string(json_of(page).at("next_cursor").as_string())});
  const Finished last = site.pawl(rest);
  CHECK(json_of(last).at("jobs").as_array().size() == 1);
  CHECK_FALSE(json_of(last).at("truncated").as_bool());

  for (const char* cursor : {"?", "AA==", "pending.?", "failed.", "bogus."}) {
    const Finished bad = site.pawl({"job", "list", "--state", "pending", "--cursor", cursor});
    CHECK(bad.status == 2);
    CHECK(bad.err.find("--cursor") != std::string::npos);
  }
}

TEST_CASE("a list of all states goes on from where it was cut off", "[e2e][cli]") {
  Site site;
  site.client.enqueue_many(std::vector<Job>(3, Job("note", "x")));
  site.client.enqueue_many(std::vector<Job>(2, Job("note", "x", Options().delay(kLater))));
  std::vector<std::string> ids;
  std::vector<std::string> command = {"-o", "json", "job", "list", "--limit", "2"};
  std::string cursor;
  do {
    auto page = command;
    if (!cursor.empty()) page.insert(page.end(), {"--cursor", cursor});
    const json::value list = json_of(site.pawl(page));
    for (const json::value& job : list.at("jobs").as_array()) {
      ids.emplace_back(job.at("id").as_string());
    }
    const json::value* next = list.as_object().if_contains("next_cursor");
    CHECK(list.at("truncated").as_bool() == (next != nullptr));
    cursor = next != nullptr ? std::string(next->as_string()) : std::string();
  } while (!cursor.empty() && ids.size() < 10);
  std::sort(ids.begin(), ids.end());
  CHECK(ids.size() == 5);
  CHECK(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
}

TEST_CASE("a worker says what it serves, and its exit status tells what it handed back",
          "[e2e][cli][worker]") {
  Site site;
  Pipe up(site.path("up"));
  ChildProcess worker =
      site.worker("main", fmt::format("echo up > {}; exec cat {}", up.path(), site.path("never")),
                  {"--type", "note", "--grace", "0s"});
  const Pipe never(site.path("never"));
  const JobId job = site.client.enqueue("note", "x", Options().queue("main"));
  REQUIRE(up.read_line() == "up");
  worker.signal(SIGTERM);

  CHECK(worker.wait(kSoon) == 1);
  CHECK(worker.err().find("serving queue main, type note, up to ") != std::string::npos);
  CHECK(worker.err().find("handed back 1 of the jobs that ran") != std::string::npos);
  CHECK(site.client.get(job).state == JobState::pending);
}

TEST_CASE("a stop that is signalled twice at once does not hurry a worker", "[e2e][cli][worker]") {
  Site site;
  Pipe up(site.path("up"));
  Pipe go(site.path("go"));
  ChildProcess worker = site.worker(
      "main", fmt::format("echo up > {}; read line < {}; echo done", up.path(), go.path()));
  const JobId job = site.client.enqueue("note", "x", Options().queue("main"));
  REQUIRE(up.read_line() == "up");
  // Both are there when it goes on.
  for (const int signal : {SIGSTOP, SIGTERM, SIGINT, SIGCONT}) worker.signal(signal);
  go.write_lines(1);

  CHECK(worker.wait(kSoon) == 0);
  CHECK(worker.err().find("draining") != std::string::npos);
  CHECK(worker.err().find("second signal: ") == std::string::npos);
  CHECK(site.client.get(job).state == JobState::completed);
}

TEST_CASE("the load generator waits for a broker that is about to start", "[e2e][bench]") {
  Site site;
  REQUIRE(site.broker.stop() == 0);
  ChildProcess bench({fmt::format("{}/pawl-bench", PAWL_BIN), "enqueue", "--jobs", "100",
                      "--address", site.broker.address()});
  site.broker.start();
  CHECK(bench.wait(kSoon) == 0);
  CHECK(bench.err() == "");
}

TEST_CASE("a wait's duration is not taken for a payload", "[e2e][cli]") {
  Site site;
  const Finished refused = site.pawl({"enqueue", "note", "--wait", "30s"});
  CHECK(refused.status == 2);
  CHECK(refused.err.find("--wait=30s") != std::string::npos);
  CHECK(site.client.queue_stats().empty());
  CHECK(site.pawl({"enqueue", "note", "x", "--wait", "--timeout", "5s", "--delay", "1h"}).status ==
        7);
}

TEST_CASE("a job carries all that the command line says of it", "[e2e][cli]") {
  Site site;
  const Finished enqueued = site.pawl({"enqueue", "note", "x", "--backoff", "2s", "--backoff-max",
                                       "1m", "--schema-version", "7", "--tag", "blue", "--header",
                                       "trace: 1", "--retention", "3h"});
  REQUIRE(enqueued.status == 0);
  const Finished bulk = site.pawl(
      {"enqueue", "--bulk", "-", "--backoff", "2s", "--backoff-max", "1m", "--schema-version", "7",
       "--tag", "blue", "--header", "trace: 1", "--type", "note"},
      "{\"payload\":1.10}\n");
  REQUIRE(bulk.status == 0);
  for (const Finished* one : {&enqueued, &bulk}) {
    const std::string id = one->out.substr(0, one->out.find_first_of("\t\n"));
    const JobStatus job = site.client.get(*JobId::parse(id), View::full);
    REQUIRE(job.job);
    CHECK(job.job->payload == (one == &bulk ? "1.10" : "x"));
    CHECK(job.job->options.backoff() == std::chrono::seconds(2));
    CHECK(job.job->options.backoff_max() == std::chrono::minutes(1));
    CHECK(job.job->options.schema_version() == 7);
    CHECK(job.job->options.tags() == std::vector<std::string>{"blue"});
    CHECK(job.job->options.headers() == std::vector<Options::Header>{{"trace", "1"}});
  }
  const std::string shown = site.pawl({"-o", "table", "job", "get", line_of(enqueued)}).out;
  for (const char* row :
       {"backoff         2s, at most 1m", "retention       3h", "schema version  7", "namespace"}) {
    CAPTURE(row);
    CHECK(shown.find(row) != std::string::npos);
  }
}

TEST_CASE("credentials in the server's address are not printed", "[e2e][cli]") {
  Site site;
  std::string server = site.broker.url();
  server.insert(server.find("://") + 3, "secret@");
  for (const char* command : {"status", "ping"}) {
    const Finished said = run({PAWL_PAWL, "--server", server, command});
    CHECK(said.status == 0);
    CHECK(said.out.find("secret") == std::string::npos);
    CHECK(said.out.find("***@") != std::string::npos);
  }
  REQUIRE(site.broker.stop() == 0);
  const Finished alone = run({PAWL_PAWL, "--server", server, "--timeout", "300ms", "ping"});
  CHECK(alone.err.find("secret") == std::string::npos);
}

}  // namespace pawl::test
