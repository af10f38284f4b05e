#include <algorithm>
#include <csignal>
#include <fstream>
#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/e2e/site.h"

namespace pawl::test {
namespace {

namespace json = boost::json;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

const std::string kThreeGoodOfFive =
    "{\"type\":\"a\",\"payload\":\"1\",\"queue\":\"bulk\"}\n"
    "{\"type\":\"a\",\"payload\":\n"
    "{\"type\":\"a\",\"payload\":{\"n\":3},\"queue\":\"bulk\",\"delay\":\"1h\"}\n"
    "{\"payload\":\"no type\"}\n"
    "{\"type\":\"a\",\"payload\":\"5\",\"queue\":\"bulk\",\"priority\":9}\n";

}  // namespace

TEST_CASE("bulk from a live pipe sends what there is, and an interrupt ends it in order",
          "[e2e][cli]") {
  Site site;
  Pipe results(site.path("results"));
  const ChildProcess worker = site.worker("live", fmt::format("cat > {}", results.path()));
  const Pipe jobs(site.path("jobs"));
  auto command = site.pawl_command();
  command.insert(command.end(), {"enqueue", "--bulk", jobs.path(), "--queue", "live"});
  ChildProcess bulk(command);

  std::ofstream(jobs.path()) << "{\"type\":\"note\",\"payload\":\"one\\n\"}" << std::endl;
  CHECK(results.read_line() == "one");
  bulk.signal(SIGINT);

  CHECK(bulk.wait(kSoon) == 130);
  const std::string out = bulk.out();
  CHECK(std::count(out.begin(), out.end(), '\n') == 1);
  CHECK(JobId::parse(out.substr(0, out.find('\t'))));
}

TEST_CASE("a bad line of a bulk file is named and its neighbours are taken", "[e2e][cli]") {
  Site site;
  const Finished text = site.pawl({"enqueue", "--bulk", "-"}, kThreeGoodOfFive);
  CHECK(text.status == 1);
  CHECK(std::count(text.out.begin(), text.out.end(), '\n') == 3);
  CHECK(text.err.find("line 2") != std::string::npos);
  CHECK(text.err.find("line 4") != std::string::npos);

  const auto stats = site.client.queue_stats(std::vector<std::string>{"bulk"});
  REQUIRE(stats.size() == 1);
  CHECK(stats[0].pending == 2);
  CHECK(stats[0].scheduled == 1);
}

TEST_CASE("each format says which line became which job", "[e2e][cli]") {
  Site site;
  const auto bulk = [&](const char* format) {
    return site.pawl({"-o", format, "enqueue", "--bulk", "-"}, kThreeGoodOfFive);
  };
  const std::vector<std::string> tsv = lines_of(bulk("tsv").out);
  REQUIRE(tsv.size() == 3);
  CHECK(JobId::parse(tsv[1].substr(0, 36)));
  CHECK(tsv[1].substr(36) == "\t3");

  const json::value whole = json::parse(bulk("json").out);
  CHECK(whole.at("accepted").to_number<int>() == 3);
  CHECK(whole.at("refused").to_number<int>() == 2);
  CHECK(whole.at("jobs").as_array().size() == 3);
  CHECK(whole.at("jobs").at(1).at("line").to_number<int>() == 3);
  CHECK(JobId::parse(std::string(whole.at("jobs").at(1).at("id").as_string())));
  CHECK(whole.at("errors").at(1).at("line").to_number<int>() == 4);
  CHECK(json::parse(site.pawl({"-o", "json", "enqueue", "--bulk", "-"}, "x\n").out)
            .at("jobs")
            .as_array()
            .empty());

  const std::vector<std::string> jsonl = lines_of(bulk("jsonl").out);
  REQUIRE(jsonl.size() == 5);
  for (std::size_t i = 0; i < jsonl.size(); ++i) {
    CHECK(json::parse(jsonl[i]).at("line").to_number<std::size_t>() == i + 1);
  }
}

TEST_CASE("refused lines come in the file's order and in the user's words", "[e2e][cli]") {
  Site site;
  const Finished refused =
      site.pawl({"enqueue", "--bulk", "-"},
                "{\"type\":\"bad type\"}\n"
                "{\"type\":\"a\",\"payload\":\n"
                "{\"type\":\"a\",\"delay\":\"20000d\"}\n"
                "{\"type\":\"a\",\"max_attempts\":0}\n"
                "{\"type\":\"a\",\"delay\":\"1s\",\"at\":\"2099-01-01T00:00:00Z\"}\n"
                "nonsense\n"
                "nonsense\n");
  CHECK(refused.status == 1);
  const std::vector<std::string> said = lines_of(refused.err);
  REQUIRE(said.size() == 7);
  CHECK(said[0] == "error: line 1: type may have only A-Z a-z 0-9 _ . : -");
  CHECK(said[1] == "error: line 2: not JSON at column 23: incomplete JSON");
  CHECK(said[2] == "error: line 3: delay is over 3650d");
  CHECK(said[3] == "error: line 4: \"max_attempts\" must be 1 or more");
  CHECK(said[4] == "error: line 5: delay and at are both set");
  CHECK(said[5] == "error: lines 6 to 7: not JSON at column 1: syntax error");

  const Finished single = site.pawl({"enqueue", "bad type", "x"});
  CHECK(single.status == 2);
  CHECK(lines_of(single.err)[0] == "error: type may have only A-Z a-z 0-9 _ . : -");
}

TEST_CASE("bulk gives up in time when the broker is gone, and says meanwhile what it waits for",
          "[e2e][cli]") {
  Site site;
  Pipe results(site.path("results"));
  const Pipe jobs(site.path("jobs"));
  auto command = site.pawl_command();
  command.insert(command.end(),
                 {"--timeout", "3s", "enqueue", "--bulk", jobs.path(), "--type", "note"});
  {
    const ChildProcess worker = site.worker("default", fmt::format("cat > {}", results.path()));
    ChildProcess bulk(command);
    std::ofstream(jobs.path()) << "{\"payload\":\"one\\n\"}" << std::endl;
    REQUIRE(results.read_line() == "one");
    site.broker.kill();
    std::ofstream(jobs.path()) << "{\"payload\":\"two\\n\"}" << std::endl;

    CHECK(bulk.wait(kSoon) == 6);
    CHECK(bulk.err().find("waiting: no connection to ") != std::string::npos);
    CHECK(bulk.err().find("error: gave up, for no job was taken within 3s") != std::string::npos);
    CHECK(bulk.err().find("lines from 3 on were not read") != std::string::npos);
  }
}

}  // namespace pawl::test
