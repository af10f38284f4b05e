#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <catch2/catch.hpp>

#include "tests/store/temp_directory.h"
#include "tests/support/broker_process.h"

namespace pawl::test {

namespace json = boost::json;

TEST_CASE("the log's first line tells version, address and jobs, as JSON when asked", "[e2e]") {
  const TempDirectory directory;
  BrokerProcess broker(PAWL_PAWLD, directory.path(), {"--log-format", "json"});
  CHECK(broker.stop() == 0);

  std::istringstream lines(broker.log());
  std::string line;
  std::string all;
  while (std::getline(lines, line)) {
    INFO(line);
    const json::object entry = json::parse(line).as_object();
    CHECK(entry.contains("ts"));
    CHECK(entry.contains("level"));
    all += json::value_to<std::string>(entry.at("msg")) + '\n';
  }
  CHECK(all.find("pawld " PAWL_VERSION " listens on " + broker.address()) != std::string::npos);
  const auto recovered = all.find("recovered in ");
  REQUIRE(recovered != std::string::npos);
  char* unit = nullptr;
  CHECK(std::strtol(&all[recovered + std::strlen("recovered in ")], &unit, 10) >= 0);
  CHECK(std::string_view(unit).starts_with(" ms\n"));
  CHECK(all.find("0 pending") != std::string::npos);
  CHECK(all.find("stopped") != std::string::npos);
}

TEST_CASE("fewer connections than by default are no warning, fewer than were asked for are",
          "[e2e]") {
  const TempDirectory directory;
  // It ends at the address, which no machine has.
  const auto said = [&](const char* connections) {
    const Finished ended = run({"/bin/sh", "-c", "ulimit -n 2000; exec \"$0\" \"$@\"", PAWL_PAWLD,
                                "--data-dir", (directory.path() / "data").string(), "--listen",
                                "192.0.2.1:1", "--listen-insecure", connections});
    const std::size_t at = ended.err.find("the limit of open files leaves room");
    REQUIRE(at != std::string::npos);
    const std::size_t line = ended.err.rfind('\n', at) + 1;
    return ended.err.substr(line, at - line);
  };
  CHECK(said("--listen-threads=1").find(" info ") != std::string::npos);
  CHECK(said("--connections=20000").find(" warning ") != std::string::npos);
}

}  // namespace pawl::test
