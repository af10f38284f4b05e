#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/e2e/site.h"
#include "tests/e2e/wire_client.h"

namespace pawl::test {
namespace {

using std::chrono::seconds;

constexpr int kKilledByTerm = 128 + SIGTERM;

// Brokers that are started while this exists stand still where they are told to. REQUIRES: made
// before them, on a test's only thread.
class HangingBroker {
 public:
  HangingBroker() { ::setenv("PAWL_HANG_DIR", directory_.path().c_str(), 1); }
  ~HangingBroker() { ::unsetenv("PAWL_HANG_DIR"); }
  HangingBroker(const HangingBroker&) = delete;
  HangingBroker& operator=(const HangingBroker&) = delete;

  void hang(const char* where) const { std::ofstream(directory_.path() / where).put('\n'); }
  void go_on(const char* where) const { std::filesystem::remove(directory_.path() / where); }

 private:
  TempDirectory directory_;
};

// Until the broker has said so in its log.
void wait_for_log(ChildProcess& broker, const std::string& text) {
  const auto deadline = std::chrono::steady_clock::now() + kSoon;
  while (broker.err().find(text) == std::string::npos) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::yield();
  }
}

// Returns once the broker stands still over the client's enqueue.
void enqueue_and_hang(WireClient& client, const HangingBroker& hanging) {
  client.hello();
  hanging.hang("commit");
  client.send_enqueue("main");
  client.send_ping();
  REQUIRE(client.read().has_ping());  // So the broker has taken what came before.
}

void park_fetch(WireClient& worker, const std::string& queue) {
  worker.send([&](pb::Request& request) {
    request.mutable_fetch()->add_queues(queue);
    request.mutable_fetch()->set_credits(1);
    request.mutable_fetch()->set_max_wait_ms(60'000);
  });
}

std::uint64_t send_wait(WireClient& client, const std::string& id) {
  return client.send([&](pb::Request& request) {
    request.mutable_wait_job()->set_id(id);
    request.mutable_wait_job()->set_max_wait_ms(60'000);
  });
}

}  // namespace

TEST_CASE("SIGTERM answers every request that is in flight and ends with success", "[e2e]") {
  const HangingBroker hanging;
  Site site;
  WireClient client(site.broker.address());
  client.hello_worker();
  park_fetch(client, "empty");
  client.send_enqueue("main");
  REQUIRE(client.read().has_enqueue());
  const std::uint64_t wait = send_wait(client, client.last_batch());
  client.send_ping();
  REQUIRE(client.read().has_ping());

  hanging.hang("commit");
  std::vector<std::uint64_t> enqueues;
  for (int i = 0; i < 20; ++i) enqueues.push_back(client.send_enqueue("main"));
  client.send_ping();
  REQUIRE(client.read().has_ping());  // So the broker has taken all that came before.
  site.broker.process().signal(SIGTERM);
  CHECK(client.read().has_stop());
  const pb::Reply waited = client.read();
  CHECK(waited.id() == wait);
  CHECK(waited.error().code() == pb::UNAVAILABLE);
  const std::uint64_t late = client.send_enqueue("main");
  const pb::Reply refused = client.read();
  CHECK(refused.id() == late);
  CHECK(refused.error().code() == pb::UNAVAILABLE);

  hanging.go_on("commit");
  std::map<std::uint64_t, pb::Reply> replies;
  for (std::size_t i = 0; i < enqueues.size() + 1; ++i) {
    pb::Reply reply = client.read();
    replies[reply.id()] = std::move(reply);
  }
  std::size_t accepted = 1;
  for (const std::uint64_t id : enqueues) {
    if (replies[id].has_enqueue()) ++accepted;
    CHECK((replies[id].has_enqueue() || replies[id].error().code() == pb::UNAVAILABLE));
  }
  CHECK(accepted > 1);  // What had reached the disk.
  CHECK(client.at_end());
  CHECK(site.broker.process().wait(seconds(10)) == 0);
  CHECK(site.broker.log().find("stopped") != std::string::npos);

  site.broker.start();
  const std::vector<std::string> queues{"main"};
  CHECK(site.client.queue_stats(queues).at(0).pending == accepted);
}

TEST_CASE("SIGTERM ends a broker whose workers wait for jobs at once", "[e2e]") {
  Site site;
  const ChildProcess worker = site.worker("main", "echo done");
  const JobId id = site.client.enqueue("note", "", Options().queue("main"));
  REQUIRE(site.client.wait(id, kSoon).state == JobState::completed);

  CHECK(site.broker.stop(seconds(5)) == 0);
}

TEST_CASE("SIGTERM ends a broker in time though a client never reads", "[e2e]") {
  Site site({"--stop-within", "500ms"});
  WireClient client(site.broker.address());
  client.hello();
  client.send_enqueue("main", std::string(50 << 10, 'p'));
  REQUIRE(client.read().has_enqueue());
  for (int i = 0; i < 10; ++i) {  // About 28 MiB: far more than the system keeps for a socket.
    client.send([&](pb::Request& request) {
      for (int job = 0; job < 57; ++job) request.mutable_get_jobs()->add_ids(client.last_batch());
      request.mutable_get_jobs()->set_payloads(true);
    });
  }
  // The first bytes of an answer have come, so the rest is on its way.
  CHECK(client.read().has_get_jobs());

  CHECK(site.broker.stop(seconds(10)) == 0);
  CHECK(site.broker.log().find("not answered in time") != std::string::npos);
}

TEST_CASE("a second SIGTERM ends the broker at once", "[e2e]") {
  const HangingBroker hanging;
  Site site({"--stop-within", "10min"});
  WireClient client(site.broker.address());
  enqueue_and_hang(client, hanging);
  site.broker.process().signal(SIGTERM);
  REQUIRE(client.read().has_stop());

  site.broker.process().signal(SIGTERM);
  CHECK(site.broker.process().wait(seconds(10)) == kKilledByTerm);
}

TEST_CASE("SIGTERM ends a broker whose disk hangs, and nobody is told what is not on it", "[e2e]") {
  const HangingBroker hanging;
  Site site({"--stop-within", "300ms"});
  WireClient client(site.broker.address());
  enqueue_and_hang(client, hanging);

  CHECK(site.broker.stop(seconds(10)) == 1);
  CHECK(client.read().has_stop());
  CHECK(client.at_end());
  CHECK(site.broker.log().find("the disk has not taken the last commit in time") !=
        std::string::npos);
}

TEST_CASE("SIGTERM ends a broker that still starts", "[e2e]") {
  const HangingBroker hanging;
  hanging.hang("open");
  const TempDirectory directory;
  ChildProcess broker({PAWL_PAWLD, "--data-dir", (directory.path() / "data").string(), "--listen",
                       "127.0.0.1:0", "--log-level", "debug"});
  wait_for_log(broker, "opening");

  broker.signal(GENERATE(SIGTERM, SIGINT));
  CHECK(broker.wait(seconds(10)) == 0);
  CHECK(broker.err().find("before it has started") != std::string::npos);
}

TEST_CASE("a second broker on the same data directory refuses to start and says why", "[e2e]") {
  Site site;

  const Finished second = site.pawld({"--data-dir", site.data(), "--listen", "127.0.0.1:0"});

  CHECK(second.status != 0);
  CHECK(second.err.find("in use by another broker") != std::string::npos);
  CHECK(second.err.find(std::to_string(site.broker.process().pid())) != std::string::npos);
  CHECK_NOTHROW(site.client.ping());
}

TEST_CASE("a second broker on the same port refuses to start and says what to do", "[e2e]") {
  Site site;

  const Finished second =
      site.pawld({"--data-dir", site.path("other"), "--listen", site.broker.address()});

  CHECK(second.status == 1);
  CHECK(second.err.find(fmt::format("cannot listen on {}: address already in use; is another "
                                    "broker running? Choose another address with --listen",
                                    site.broker.address())) != std::string::npos);
}

}  // namespace pawl::test
