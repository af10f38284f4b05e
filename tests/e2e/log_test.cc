#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sstream>
#include <string>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "tests/e2e/wire_client.h"
#include "tests/store/temp_directory.h"
#include "tests/support/broker_process.h"

namespace pawl::test {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

// A pipe that holds little, and what reads it when it is asked to.
class LogPipe {
 public:
  explicit LogPipe(const fs::path& path) {
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    file_ = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(file_ >= 0);
    REQUIRE(::fcntl(file_, F_SETPIPE_SZ, 4096) > 0);
  }
  ~LogPipe() { ::close(file_); }
  LogPipe(const LogPipe&) = delete;
  LogPipe& operator=(const LogPipe&) = delete;

  // What there is, up to a line with `text` in it, which comes.
  std::string read_up_to(const std::string& text) {
    std::string all;
    while (all.find(text) == std::string::npos) {
      pollfd pipe{.fd = file_, .events = POLLIN, .revents = 0};
      REQUIRE(::poll(&pipe, 1, 20'000) == 1);
      char bytes[4096];
      const ssize_t got = ::read(file_, bytes, sizeof bytes);
      REQUIRE(got > 0);
      all.append(bytes, static_cast<std::size_t>(got));
    }
    return all;
  }

 private:
  int file_ = -1;
};

}  // namespace

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

TEST_CASE("a broker whose log nobody reads serves, counts what it drops, and stops", "[e2e]") {
  const TempDirectory directory;
  LogPipe log(directory.path() / "log");
  const fs::path script = directory.path() / "pawld";
  std::ofstream(script) << "#!/bin/sh\nexec " PAWL_PAWLD " \"$@\" 2>"
                        << (directory.path() / "log").string() << '\n';
  fs::permissions(script, fs::perms::owner_all);
  BrokerProcess broker(script.string(), directory.path(), {"--log-level", "debug"});

  for (int i = 0; i < 100; ++i) CHECK(WireClient(broker.address()).hello().protocol_version() == 1);
  log.read_up_to("\n");
  CHECK(WireClient(broker.address()).hello().protocol_version() == 1);
  const std::string said = log.read_up_to("lines of the log were dropped: nobody read on");
  CHECK(said.find("warning") != std::string::npos);

  for (int i = 0; i < 100; ++i) CHECK(WireClient(broker.address()).hello().protocol_version() == 1);
  CHECK(broker.stop() == 0);
}

}  // namespace pawl::test
