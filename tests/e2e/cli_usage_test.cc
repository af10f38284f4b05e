#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/support/child_process.h"

namespace pawl::test {
namespace {

using Words = std::vector<std::string>;

Finished pawl(const Words& words) {
  Words command = {PAWL_PAWL};
  command.insert(command.end(), words.begin(), words.end());
  return run(std::move(command));
}

Finished bench(const Words& words) {
  Words command = {fmt::format("{}/pawl-bench", PAWL_BIN)};
  command.insert(command.end(), words.begin(), words.end());
  return run(std::move(command));
}

void check_refused(const Finished& finished, const std::string& error, const std::string& hint) {
  CHECK(finished.status == 2);
  CHECK(finished.out.empty());
  CHECK(finished.err == fmt::format("error: {}\n{}", error, hint.empty() ? "" : hint + "\n"));
}

}  // namespace

TEST_CASE("a wrong value is told in our words, and what would be right", "[e2e][cli][usage]") {
  const std::string formats = "hint: table, tsv, json or jsonl";
  check_refused(pawl({"-o", "xml", "ping"}), "--output: there is no format \"xml\"", formats);
  check_refused(pawl({"-o", "3", "ping"}), "--output: there is no format \"3\"", formats);
  check_refused(pawl({"job", "list", "--limit", "0"}),
                "--limit: \"0\" is not a whole number, 1 or more",
                "hint: see `pawl job list --help`");
  check_refused(pawl({"enqueue", "note", "--priority", "9x"}),
                "--priority: \"9x\" is not a whole number, 0 to 9",
                "hint: see `pawl enqueue --help`");
  check_refused(pawl({"ping", "--timeout", "0s"}), "--timeout: no broker answers in no time",
                "hint: such as 10s");
  check_refused(pawl({"job", "list", "--state", "bogus"}), "--state: there is no state \"bogus\"",
                "hint: scheduled, pending, processing, retrying, completed, failed or cancelled");
  check_refused(pawl({"enqueue", "note", "--file", "/"}), "/ cannot be read: Is a directory", "");
  check_refused(pawl({"enqueue", "--bulk", "/nowhere"}),
                "/nowhere cannot be read: No such file or directory", "");
}

TEST_CASE("a mistyped command or option is told the right one", "[e2e][cli][usage]") {
  check_refused(pawl({"enqueu"}), "there is no command \"enqueu\"", "hint: did you mean enqueue?");
  check_refused(pawl({"job", "lst"}), "there is no command \"lst\"", "hint: did you mean list?");
  check_refused(pawl({"enqueue", "--priorty", "9", "note"}), "there is no option --priorty",
                "hint: did you mean --priority?");
  check_refused(pawl({"ping", "--sever=x"}), "there is no option --sever",
                "hint: did you mean --server?");
  check_refused(pawl({"ping", "--xyzzy"}), "there is no option --xyzzy",
                "hint: see `pawl ping --help`");
}

TEST_CASE("too little, too much and what excludes each other is told", "[e2e][cli][usage]") {
  check_refused(pawl({"job"}), "pawl job needs a command", "hint: get, list, wait or cancel");
  check_refused(pawl({"enqueue", "--queue"}), "--queue needs a value",
                "hint: see `pawl enqueue --help`");
  check_refused(pawl({"enqueue", "a", "b", "c"}), "\"c\" is one argument too many",
                "hint: see `pawl enqueue --help`");
  check_refused(pawl({"job", "list", "--limit", "2", "--all"}),
                "--limit and --all exclude each other", "hint: see `pawl job list --help`");
  const Finished as_json = pawl({"-o", "json", "enqueue", "--priorty", "9", "note"});
  CHECK(as_json.status == 2);
  CHECK(boost::json::parse(as_json.err).at("error").at("code").as_string() == "usage");
}

TEST_CASE("the load generator speaks of its usage as the command line does",
          "[e2e][bench][usage]") {
  check_refused(bench({"cycl"}), "there is no command \"cycl\"", "hint: did you mean cycle?");
  check_refused(bench({"cycle", "--jbs", "4"}), "there is no option --jbs",
                "hint: did you mean --jobs?");
  check_refused(bench({"cycle", "--jobs", "10"}), "--jobs is no multiple of --batch",
                "hint: --batch is 100");
  check_refused(bench({"cycle", "--batch", "0"}), "--batch: \"0\" is not a whole number, 1 to 1000",
                "hint: see `pawl-bench cycle --help`");
}

}  // namespace pawl::test
