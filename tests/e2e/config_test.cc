#include <fstream>

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

}  // namespace pawl::test
