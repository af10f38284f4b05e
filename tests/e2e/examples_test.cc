#include <algorithm>
#include <csignal>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/e2e/site.h"

namespace pawl::test {
namespace {

std::string example(const char* name) {
  return fmt::format("{}/example_{}", PAWL_BIN, name);
}

std::vector<std::string> variables(const Site& site) {
  return {"PAWL_SERVER=" + site.broker.url()};
}

Finished run_example(const Site& site, const char* name) {
  return run({example(name), "hello", "again"}, {}, variables(site));
}

ChildProcess example_worker(const Site& site) {
  return ChildProcess({example("worker")}, {}, variables(site));
}

bool ends_with_line(const std::string& text, std::string_view line) {
  return text.ends_with(fmt::format("{}\n", line));
}

}  // namespace

TEST_CASE("the example producers get their results from the example worker", "[e2e][examples]") {
  Site site;
  const ChildProcess worker = example_worker(site);
  // The example does not wait long: the worker must be there.
  const JobId probe = site.client.enqueue("text.upper", "", Options().queue("text"));
  REQUIRE(is_final(site.client.wait(probe, kSoon).state));

  const Finished produced = run_example(site, "producer");
  CHECK(produced.err == "");
  CHECK(produced.status == 0);
  CHECK(ends_with_line(produced.out, "the first is completed: HELLO"));
  CHECK(produced.out.find("accepted 1000 of 1000 more") != std::string::npos);

  const Finished coroutine = run_example(site, "asio_producer");
  CHECK(coroutine.err == "");
  CHECK(coroutine.status == 0);
  CHECK(ends_with_line(coroutine.out, "it is completed: HELLO"));
}

TEST_CASE("the example worker runs jobs of both its types", "[e2e][examples]") {
  Site site;
  ChildProcess worker = example_worker(site);

  const JobId upper = site.client.enqueue("text.upper", "hello", Options().queue("text"));
  const JobId sum = site.client.enqueue("number.sum", "1 2 39", Options().queue("critical"));

  CHECK(site.client.wait(upper, kSoon).result == "HELLO");
  CHECK(site.client.wait(sum, kSoon).result == "42");
  worker.signal(SIGTERM);
  CHECK(worker.wait(kSoon) == 0);
}

}  // namespace pawl::test
