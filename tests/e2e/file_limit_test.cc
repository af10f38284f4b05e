#include <filesystem>
#include <iterator>
#include <list>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <sys/resource.h>

#include "tests/e2e/site.h"
#include "tests/e2e/wire_client.h"

namespace pawl::test {
namespace {

std::size_t open_files(pid_t process) {
  const std::filesystem::directory_iterator files(fmt::format("/proc/{}/fd", process));
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

void set_limit_of_files(pid_t process, std::size_t files) {
  rlimit limit{};
  REQUIRE(::prlimit(process, RLIMIT_NOFILE, nullptr, &limit) == 0);
  limit.rlim_cur = files;
  REQUIRE(::prlimit(process, RLIMIT_NOFILE, &limit, nullptr) == 0);
}

}  // namespace

TEST_CASE("a broker out of file descriptors serves its clients, and the others when it has some",
          "[e2e]") {
  Site site;
  site.client.ping();
  const pid_t broker = site.broker.process().pid();
  set_limit_of_files(broker, open_files(broker) + 1);

  std::list<WireClient> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(site.broker.address());
  const auto deadline = std::chrono::steady_clock::now() + kSoon;
  while (site.broker.log().find("cannot accept a connection") == std::string::npos) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    site.client.ping();
  }
  site.client.ping();

  set_limit_of_files(broker, open_files(broker) + 64);
  for (WireClient& client : clients) CHECK(client.hello().protocol_version() == 1);
}

}  // namespace pawl::test
