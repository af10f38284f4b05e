#include <fstream>
#include <pwd.h>
#include <sstream>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/store/temp_directory.h"
#include "tests/support/child_process.h"

namespace pawl::test {
namespace {

Finished check(const TempDirectory& directory, const char* toml) {
  const std::string file = (directory.path() / "pawld.toml").string();
  std::ofstream(file) << toml;
  return run({PAWL_PAWLD, "--config", file, "--check-config"});
}

}  // namespace

TEST_CASE("--check-config takes a good file and names what is wrong with a bad one", "[e2e]") {
  const TempDirectory directory;

  CHECK(check(directory, "[log]\nlevel = \"warn\"\n").status == 0);

  const Finished unknown = check(directory, "[log]\nlevle = \"warn\"\n");
  CHECK(unknown.status == 2);
  CHECK(unknown.err.find("did you mean \"log.level\"") != std::string::npos);
  CHECK(unknown.err.find("pawld.toml:2") != std::string::npos);

  const Finished wrong = check(directory, "[log]\nlevel = \"loud\"\n");
  CHECK(wrong.status == 2);
  CHECK(wrong.err.find("log.level") != std::string::npos);
}

TEST_CASE("flags win over the environment and that over the file", "[e2e]") {
  const TempDirectory directory;
  const std::string file = (directory.path() / "pawld.toml").string();
  std::ofstream(file) << "[log]\nlevel = \"warn\"\n[listen]\nthreads = 2\n";

  const Finished printed =
      run({PAWL_PAWLD, "--config", file, "--log-level", "debug", "--print-config"}, {},
          {"PAWL_LISTEN__THREADS=3", "PAWL_LOG__LEVEL=error"});

  CHECK(printed.status == 0);
  CHECK(printed.out.find("level = \"debug\"") != std::string::npos);
  CHECK(printed.out.find("threads = 3") != std::string::npos);
}

TEST_CASE("an unknown flag is refused with the one that was meant", "[e2e]") {
  const Finished refused = run({PAWL_PAWLD, "--log-levle", "warn"});

  CHECK(refused.status == 2);
  CHECK(refused.err.find("--log-level") != std::string::npos);
}

TEST_CASE("a flag without its value is refused, and does not take the next flag for it", "[e2e]") {
  const TempDirectory directory;
  const std::string data = (directory.path() / "data").string();
  const std::vector<std::vector<std::string>> lines = {
      {"--data-dir=", "--check-config"},     {"--data-dir", "--check-config"},
      {"--data-dir", "", "--check-config"},  {"--config", "--check-config"},
      {"--data-dir=--oh", "--check-config"}, {"--listen-insecure=", "--check-config"},
      {"--check-config", "--log-level"}};
  for (std::vector<std::string> line : lines) {
    line.insert(line.begin(), PAWL_PAWLD);
    CAPTURE(line);
    const Finished refused = run(line);
    CHECK(refused.status == 2);
    CHECK(refused.err.find("has no value") != std::string::npos);
  }
  CHECK(run({PAWL_PAWLD, "--data-dir", data, "--listen-insecure", "--check-config"}).status == 0);
}

TEST_CASE("of a flag that is given twice the last one counts", "[e2e]") {
  const Finished printed =
      run({PAWL_PAWLD, "--log-level", "warn", "--log-level=error", "--print-config"});
  CHECK(printed.out.find("level = \"error\"") != std::string::npos);
}

TEST_CASE("a misspelt command is refused with the one that was meant", "[e2e]") {
  const Finished refused = run({PAWL_PAWLD, "inpect", "somewhere"});
  CHECK(refused.status == 2);
  CHECK(refused.err.find("unknown argument inpect, did you mean \"inspect\"?") !=
        std::string::npos);
}

TEST_CASE("a switch is what it is set to", "[e2e]") {
  const auto insecure = [](const char* flag) {
    return run({PAWL_PAWLD, flag, "--print-config"}).out;
  };
  CHECK(insecure("--listen-insecure=off").find("insecure = false") != std::string::npos);
  CHECK(insecure("--listen-insecure=on").find("insecure = true") != std::string::npos);
  CHECK(insecure("--listen-insecure").find("insecure = true") != std::string::npos);

  for (const char* flag : {"--listen-insecure=maybe", "--check-config=off", "--print-config=0"}) {
    INFO(flag);
    CHECK(run({PAWL_PAWLD, flag, "--check-config"}).status == 2);
  }
}

TEST_CASE("an address that other machines reach is refused unless that is meant", "[e2e]") {
  const char* const address = GENERATE("0.0.0.0:0", "[::]:0", "192.0.2.1:7295");
  const Finished refused = run({PAWL_PAWLD, "--listen", address, "--check-config"});
  CHECK(refused.status == 2);
  CHECK(refused.err.find("listen.insecure") != std::string::npos);

  CHECK(run({PAWL_PAWLD, "--listen", address, "--listen-insecure", "--check-config"}).status == 0);
  CHECK(run({PAWL_PAWLD, "--listen", "[::1]:0", "--check-config"}).status == 0);
}

TEST_CASE("a setting that is misspelt in the environment is refused, what is not ours is left",
          "[e2e]") {
  const auto checked = [](const char* variable) {
    return run({PAWL_PAWLD, "--check-config"}, {}, {variable});
  };
  const Finished single = checked("PAWL_LOG_LEVEL=debug");
  CHECK(single.status == 2);
  CHECK(single.err.find("PAWL_LOG__LEVEL") != std::string::npos);
  CHECK(checked("PAWL_LIMITS_IN__BOX=1").status == 2);
  CHECK(checked("PAWL_DEFAULTS_MAX_ATTEMPTS=3").status == 2);
  CHECK(checked("PAWL_FOO=1").status == 2);
  CHECK(checked("PAWL_PORT=5").status == 2);
  CHECK(checked("PAWL_DATADIR=5").err.find("did you mean \"PAWL_DATA_DIR\"") != std::string::npos);
  CHECK(checked("PAWL_LISTEN=5").err.find("did you mean \"PAWL_LISTEN__ADDRESS\"") !=
        std::string::npos);
  for (const char* other : {"PAWL_SERVER=127.0.0.1:1", "PAWL_JOB_ID=x", "PAWL_SEED=1",
                            "PAWL_HEADER_TRACE=x", "PAWL_LOG__LEVEL=warn", "PAWL_DATA_DIR=/nowhere",
                            "PAWL_SERVICE_HOST=10.0.0.1", "PAWL_PORT=tcp://10.0.0.1:7295",
                            "PAWL_PORT_7295_TCP_ADDR=10.0.0.1", "PAWL_SERVICE_PORT_JOBS=7295"}) {
    INFO(other);
    CHECK(checked(other).status == 0);
  }
}

TEST_CASE("a section that nobody knows is refused though nothing is in it", "[e2e]") {
  const TempDirectory directory;
  const Finished unknown = check(directory, "[lgo]\n");
  CHECK(unknown.status == 2);
  CHECK(unknown.err.find("did you mean \"log\"") != std::string::npos);
  CHECK(unknown.err.find("pawld.toml:1") != std::string::npos);

  CHECK(check(directory, "[queues.\"bad name\"]\n").status == 2);
  CHECK(check(directory, "[queues.\"bad name\"]\nretention = \"1h\"\n").status == 2);
  CHECK(check(directory, "[queues.\"a/b/c\"]\n").status == 2);
  CHECK(check(directory, "[queues.mail]\n[queues.\"tenant/mail.x\"]\n[log]\n").status == 0);
}

TEST_CASE("no bound may be so small that what fits elsewhere does not fit", "[e2e]") {
  const auto status = [](const char* flag, const char* value) {
    return run({PAWL_PAWLD, flag, value, "--check-config"}).status;
  };
  CHECK(status("--frame", "1MiB") == 2);
  CHECK(status("--frame", "1088KiB") == 0);
  CHECK(status("--unread-replies", "7MiB") == 2);
  CHECK(status("--unread-replies", "8MiB") == 0);
}

TEST_CASE("jobs are kept under the user's state directory unless a place is given", "[e2e]") {
  const auto data_dir = [](std::vector<std::string> variables) {
    const std::string out = run({PAWL_PAWLD, "--print-config"}, {}, std::move(variables)).out;
    return out.substr(0, out.find(" #"));
  };
  CHECK(data_dir({"XDG_STATE_HOME=/state", "HOME=/home/me"}) == "data_dir = \"/state/pawl\" ");
  CHECK(data_dir({"XDG_STATE_HOME=not/absolute", "HOME=/home/me"}) ==
        "data_dir = \"/home/me/.local/state/pawl\" ");
  CHECK(data_dir({"XDG_STATE_HOME=", "HOME=/home/me"}) ==
        "data_dir = \"/home/me/.local/state/pawl\" ");
  CHECK(data_dir({"PAWL_DATA_DIR=/data", "HOME=/home/me"}) == "data_dir = \"/data\" ");

  const passwd* const user = ::getpwuid(::geteuid());
  REQUIRE(user != nullptr);
  const std::string place = std::string("data_dir = \"") + user->pw_dir + "/.local/state/pawl\" ";
  CHECK(data_dir({"XDG_STATE_HOME=", "HOME="}) == place);
  const Finished homeless = run({"/usr/bin/env", "-u", "HOME", "-u", "XDG_STATE_HOME", "-u",
                                 "PAWL_DATA_DIR", PAWL_PAWLD, "--print-config"});
  CHECK(homeless.out.starts_with(place));
}

namespace {

// Without where each value came from.
std::string without_comments(const std::string& toml) {
  std::istringstream lines(toml);
  std::string out;
  for (std::string line; std::getline(lines, line);) out += line.substr(0, line.find("  #")) + '\n';
  return out;
}

}  // namespace

TEST_CASE("what is printed is a configuration file that says the same, queues and all", "[e2e]") {
  const TempDirectory directory;
  const std::string file = (directory.path() / "pawld.toml").string();
  std::ofstream(file) << "[defaults]\nretention = \"120m\"\n"
                         "[queues.mail]\nmax_attempts = 3\ndurability = \"written\"\n"
                         "[queues.\"tenant/mail.v2\"]\nbackoff = \"5s\"\nretention = \"10min\"\n";
  const Finished first = run({PAWL_PAWLD, "--config", file, "--print-config"});
  REQUIRE(first.status == 0);
  CHECK(first.out.find("[queues.\"tenant/mail.v2\"]") != std::string::npos);
  CHECK(first.out.find("max_attempts = 3  # pawld.toml:4") != std::string::npos);

  std::ofstream(file) << first.out;
  const Finished second = run({PAWL_PAWLD, "--config", file, "--print-config"});
  CHECK(without_comments(second.out) == without_comments(first.out));
  CHECK(run({PAWL_PAWLD, "--config", file, "--check-config"}).status == 0);
}

}  // namespace pawl::test
