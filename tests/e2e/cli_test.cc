#include <algorithm>
#include <string_view>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch.hpp>

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
  CHECK(json_of(site.pawl({"-o", "json", "status"})).is_object());
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

TEST_CASE("a bad line of a bulk file is named and its neighbours are taken", "[e2e][cli]") {
  Site site;
  const std::string lines =
      "{\"type\":\"a\",\"payload\":\"1\",\"queue\":\"bulk\"}\n"
      "{\"type\":\"a\",\"payload\":\n"
      "{\"type\":\"a\",\"payload\":{\"n\":3},\"queue\":\"bulk\",\"delay\":\"1h\"}\n"
      "{\"payload\":\"no type\"}\n"
      "{\"type\":\"a\",\"payload\":\"5\",\"queue\":\"bulk\",\"priority\":9}\n";

  const Finished text = site.pawl({"enqueue", "--bulk", "-"}, lines);
  CHECK(text.status == 1);
  CHECK(std::count(text.out.begin(), text.out.end(), '\n') == 3);
  CHECK(text.err.find("line 2") != std::string::npos);
  CHECK(text.err.find("line 4") != std::string::npos);

  const Finished summary = site.pawl({"-o", "json", "enqueue", "--bulk", "-"}, lines);
  CHECK(json_of(summary).at("accepted").to_number<int>() == 3);
  CHECK(json_of(summary).at("refused").to_number<int>() == 2);

  const auto stats = site.client.queue_stats(std::vector<std::string>{"bulk"});
  REQUIRE(stats.size() == 1);
  CHECK(stats[0].pending == 4);
  CHECK(stats[0].scheduled == 2);
}

}  // namespace pawl::test
