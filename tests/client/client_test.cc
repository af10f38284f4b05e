#include <atomic>
#include <set>
#include <thread>

#include "proto/slot.h"
#include "tests/client/support/loopback.h"

namespace pawl {
namespace {

TEST_CASE("an enqueue returns the id that the broker knows the job by", "[client][loopback]") {
  FakeBroker broker(accept_all);
  Client client(broker.url());
  const JobId id = client.enqueue("image.resize", "s3://a", Options().queue("media"));
  const auto requests = broker.requests();
  REQUIRE(requests.size() == 1);
  const pb::Enqueue& enqueue = requests[0].enqueue();
  CHECK(enqueue.queue() == "media");
  CHECK(enqueue.mode() == pb::Enqueue::PER_JOB);
  CHECK(enqueue.defaults().type() == "image.resize");
  CHECK(enqueue.jobs(0).payload() == "s3://a");
  CHECK(std::string(id.bytes().begin(), id.bytes().end()) == enqueue.batch_id());
  CHECK((id.bytes()[6] & 0xf0) == 0x70);
  const unsigned slot = (id.bytes()[6] & 0x0fu) << 8 | id.bytes()[7];
  CHECK(slot == wire::slot_of("default", "media"));
  const auto past_greeting = id.time() - Time(Milliseconds(FakeBroker::kServerTimeMs));
  CHECK(past_greeting >= 0ms);
  CHECK(past_greeting < 1min);
}

TEST_CASE("the greeting names program, version and credentials", "[client][loopback]") {
  FakeBroker broker(accept_all);
  std::string url = broker.url();
  url.insert(7, "token@");
  Client(ClientOptions().url(url).client_name("billing")).enqueue("t", "");
  Client(broker.url()).enqueue("t", "");
  Client(ClientOptions().url(broker.url()).client_name("bill\ning")).enqueue("t", "");
  const auto hellos = broker.hellos();
  REQUIRE(hellos.size() == 3);
  CHECK(hellos[2].client_name() == "bill_ing");
  CHECK(hellos[0].protocol_version() == 1);
  CHECK(hellos[0].client_name() == "billing");
  CHECK_FALSE(hellos[0].client_version().empty());
  CHECK(hellos[0].credentials() == "token");
  CHECK_FALSE(hellos[0].has_worker());
  CHECK(hellos[1].client_name() == "pawl_client_test");
  CHECK(hellos[1].credentials().empty());
}

TEST_CASE("the client's namespace is that of calls without one", "[client][loopback]") {
  FakeBroker broker(accept_all);
  Client client(ClientOptions().url(broker.url()).in_namespace("acme"));
  client.enqueue("t", "");
  client.enqueue("t", "", Options().in_namespace("other").queue("q"));
  const auto requests = broker.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].enqueue().namespace_() == "acme");
  CHECK(requests[0].enqueue().queue() == "default");
  CHECK(requests[1].enqueue().namespace_() == "other");
  CHECK(requests[1].enqueue().queue() == "q");
}

TEST_CASE("enqueues that come together share a frame", "[client][loopback]") {
  std::vector<int> sizes;
  std::function<void()> answer_first;
  std::atomic<bool> first_came = false;
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    sizes.push_back(request.enqueue().jobs_size());
    if (sizes.size() > 1) return peer->send(accepted(request));
    answer_first = [peer, request] { peer->send(accepted(request)); };
    first_came = true;
    first_came.notify_all();
  });
  Client client(broker.url());
  std::vector<std::future<JobId>> ids;
  ids.push_back(client.future_enqueue("t", "0"));
  first_came.wait(false);
  for (int i = 1; i <= 50; ++i) ids.push_back(client.future_enqueue("t", std::to_string(i)));
  broker.in_broker([&] { answer_first(); });
  std::set<JobId> distinct;
  for (auto& id : ids) distinct.insert(id.get());
  CHECK(distinct.size() == 51);
  CHECK(sizes == std::vector<int>{1, 50});
}

TEST_CASE("many threads' enqueues are all answered", "[client][loopback]") {
  std::size_t jobs = 0;
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    jobs += static_cast<std::size_t>(request.enqueue().jobs_size());
    peer->send(accepted(request));
  });
  std::mutex mutex;
  std::set<JobId> distinct;
  {
    Client client(broker.url());
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 100; ++i) {
          const JobId id = client.enqueue("t", "payload", Options().key(std::to_string(i)));
          const std::lock_guard lock(mutex);
          distinct.insert(id);
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
  CHECK(distinct.size() == 800);
  CHECK(jobs == 800);
}

TEST_CASE("one bad job among those that share a frame fails alone", "[client][loopback]") {
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    pb::Reply reply = accepted(request);
    for (int i = 0; i < request.enqueue().jobs_size(); ++i) {
      if (request.enqueue().jobs(i).payload() != "bad") continue;
      auto& refusal = *reply.mutable_enqueue()->add_refused();
      refusal.set_index(static_cast<std::uint32_t>(i));
      refusal.set_code(pb::INVALID_ARGUMENT);
      refusal.set_message("payload: it is bad");
    }
    peer->send(reply);
  });
  Client client(broker.url());
  auto good = client.future_enqueue("t", "good");
  auto bad = client.future_enqueue("t", "bad");
  auto also_good = client.future_enqueue("t", "good");
  CHECK_NOTHROW(good.get());
  CHECK_THROWS_WITH(bad.get(), "payload: it is bad");
  CHECK_NOTHROW(also_good.get());
}

TEST_CASE("an enqueue cut before its answer is sent again, the same bytes under the same id",
          "[client][loopback]") {
  std::vector<std::string> sent;
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    sent.push_back(request.enqueue().SerializeAsString());
    if (peer->number() < 3) return peer->cut();
    pb::Reply reply = accepted(request);
    reply.mutable_enqueue()->set_duplicate(true);
    peer->send(reply);
  });
  Client client(quick(broker));
  const std::vector<Job> jobs(3, Job("t", "payload"));
  const auto enqueued = client.enqueue_many(jobs);
  REQUIRE(sent.size() == 3);
  CHECK(sent[0] == sent[1]);
  CHECK(sent[0] == sent[2]);
  REQUIRE(enqueued.size() == 3);
  CHECK(enqueued[2].accepted());
  CHECK(enqueued[2].duplicate);
  CHECK(enqueued[2].id.index() == 2);
}

TEST_CASE("an enqueue without an answer fails at its deadline, its outcome unknown",
          "[client][loopback]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    if (request.has_ping()) peer->send(pong(request));
  });
  Client client(broker.url());
  client.ping(1min);  // So that the time goes by on a connection.
  const auto id = client.try_enqueue("t", "", Options(), 500ms);
  REQUIRE_FALSE(id);
  CHECK(id.error().code() == Errc::deadline);
  CHECK(id.error().outcome_unknown());
  CHECK(id.error().retryable());
}

TEST_CASE("jobs that share a frame keep their own deadlines", "[client][loopback]") {
  std::function<void()> answer;
  std::atomic<int> came = 0;
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    answer = [peer, request] { peer->send(accepted(request)); };
    ++came;
    came.notify_all();
  });
  Client client(broker.url());
  auto opener = client.future_enqueue("t", "opener", Options(), 1min);
  came.wait(0);
  auto patient = client.future_enqueue("t", "a", Options(), 1min);
  auto hasty = client.future_enqueue("t", "b", Options(), 500ms);
  broker.in_broker([&] { answer(); });
  CHECK_NOTHROW(opener.get());
  CHECK_THROWS_AS(hasty.get(), Error);
  came.wait(1);
  CHECK(patient.wait_for(0s) == std::future_status::timeout);
  broker.in_broker([&] { answer(); });
  CHECK_NOTHROW(patient.get());
}

TEST_CASE("a broker that is not there is an error with its address and reason",
          "[client][loopback]") {
  const test::ClosedPort nobody;
  const std::string url = nobody.url();
  Client client(ClientOptions().url(url).reconnect_backoff(1ms, 5ms));
  const auto id = client.try_enqueue("t", "", Options(), 1s);
  REQUIRE_FALSE(id);
  CHECK(id.error().code() == Errc::connection);
  CHECK_FALSE(id.error().outcome_unknown());
  CHECK(id.error().message().find(url.substr(7)) != std::string::npos);
  CHECK(id.error().message().find("refused") != std::string::npos);
}

TEST_CASE("of several servers one that answers is found", "[client][loopback]") {
  const test::ClosedPort dead;
  FakeBroker broker(accept_all);
  Client client(
      ClientOptions().url(dead.url() + "," + broker.url().substr(7)).reconnect_backoff(1ms, 5ms));
  CHECK_NOTHROW(client.enqueue("t", ""));
}

TEST_CASE("a host's name is looked up", "[client][loopback]") {
  FakeBroker broker(accept_all);
  std::string url = broker.url();
  url.replace(7, 9, "localhost");
  Client client(ClientOptions().url(url).reconnect_backoff(1ms, 5ms));
  CHECK_NOTHROW(client.enqueue("t", ""));
}

TEST_CASE("an overloaded broker is asked again until it takes the jobs", "[client][loopback]") {
  int asked = 0;
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    peer->send(++asked < 4 ? refused(request, pb::OVERLOADED, 1) : accepted(request));
  });
  Client client(broker.url());
  CHECK_NOTHROW(client.enqueue("t", ""));
  CHECK(asked == 4);
}

TEST_CASE("a refusal is thrown with the broker's words", "[client][loopback]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    peer->send(refused(request, pb::UNSUPPORTED));
  });
  Client client(broker.url());
  CHECK_THROWS_WITH(client.ping(), "refused by the test");
  CHECK(client.try_enqueue("t", "").error().code() == Errc::unsupported);
  CHECK(client.try_ping().error().request_id() != 0);
}

TEST_CASE("many jobs go in frames that a broker takes, and each has its verdict",
          "[client][loopback]") {
  std::vector<int> sizes;
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    sizes.push_back(request.enqueue().jobs_size());
    pb::Reply reply = accepted(request);
    reply.mutable_enqueue()->set_level(pb::WRITTEN);
    if (sizes.size() == 2) {
      auto& refusal = *reply.mutable_enqueue()->add_refused();
      refusal.set_index(7);
      refusal.set_code(pb::TOO_LARGE);
      refusal.set_message("payload: too large");
    }
    peer->send(reply);
  });
  Client client(broker.url());
  const std::vector<Job> jobs(2500, Job("t", "payload"));
  const auto enqueued = client.enqueue_many(jobs);
  CHECK(sizes == std::vector<int>{1000, 1000, 500});
  REQUIRE(enqueued.size() == 2500);
  CHECK(enqueued[999].id.index() == 999);
  CHECK(enqueued[1000].id.index() == 0);
  CHECK(enqueued[0].level == Durability::written);
  CHECK(enqueued[1007].code == Errc::too_large);
  CHECK(enqueued[1007].message == "payload: too large");
  std::size_t good = 0;
  for (const auto& one : enqueued) good += one.accepted();
  CHECK(good == 2499);
}

TEST_CASE("no jobs are enqueued without asking the broker", "[client][loopback]") {
  FakeBroker broker([](const PeerPtr&, const pb::Request&) {});
  Client client(broker.url());
  CHECK(client.enqueue_many({}).empty());
  CHECK(client.get_many({}).empty());
  CHECK(client.cancel_many({}).empty());
  CHECK(broker.requests().empty());
}

TEST_CASE("all or nothing is one frame or an error", "[client][loopback]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    peer->send(request.enqueue().jobs_size() == 3 ? refused(request, pb::INVALID_ARGUMENT)
                                                  : accepted(request));
  });
  Client client(broker.url());
  const auto mode = BatchMode::all_or_nothing;
  CHECK(client.enqueue_many(std::vector<Job>(2, Job("t", "")), mode).at(1).accepted());
  CHECK(client.try_enqueue_many(std::vector<Job>(3, Job("t", "")), mode).error().code() ==
        Errc::invalid_argument);
  CHECK(client.try_enqueue_many(std::vector<Job>(1001, Job("t", "")), mode).error().code() ==
        Errc::too_large);
  const std::vector<Job> two_queues = {Job("t", ""), Job("t", "", Options().queue("q"))};
  CHECK(client.try_enqueue_many(two_queues, mode).error().code() == Errc::too_large);
  const auto requests = broker.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].enqueue().mode() == pb::Enqueue::ALL_OR_NOTHING);
}

TEST_CASE("batches keep under a broker's small frames", "[client][loopback]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    pb::Reply reply = accepted(request);
    if (request.has_ping()) reply.mutable_ping();
    peer->send(reply);
  });
  broker.greeting.set_frame_bytes_max(64 * 1024);
  Client client(broker.url());
  client.ping();
  client.enqueue_many(std::vector<Job>(300, Job("t", std::string(1000, 'x'))));
  int jobs = 0;
  for (const pb::Request& request : broker.requests()) {
    CHECK(request.ByteSizeLong() <= 64 * 1024);
    jobs += request.enqueue().jobs_size();
  }
  CHECK(jobs == 300);
  const auto large = client.try_enqueue("t", std::string(70'000, 'x'));
  REQUIRE_FALSE(large);
  CHECK(large.error().code() == Errc::too_large);
}

}  // namespace
}  // namespace pawl
