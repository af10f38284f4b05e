#include <algorithm>
#include <atomic>
#include <functional>
#include <vector>

#include "tests/client/support/loopback.h"

namespace pawl {
namespace {

constexpr std::uint64_t kTwoDaysMs = 2 * 24 * 60 * 60 * 1000;

// The client's machine has slept for two days, as far as the broker can tell.
class BrokerOfLater {
 public:
  static constexpr std::uint64_t kNowMs = FakeBroker::kServerTimeMs + kTwoDaysMs;

  void operator()(const PeerPtr& peer, const pb::Request& request) {
    if (request.has_ping()) return peer->send(pong(request, kNowMs));
    const auto time_ms = static_cast<std::uint64_t>(id_of(request).time().time_since_epoch() /
                                                    std::chrono::milliseconds(1));
    peer->send(time_ms < kNowMs ? refused(request, pb::ID_EXPIRED) : accepted(request));
  }

 private:
  static JobId id_of(const pb::Request& request) {
    JobId::Bytes bytes{};
    const std::string& id = request.enqueue().batch_id();
    std::copy(id.begin(), id.end(), bytes.begin());
    return JobId(bytes);
  }
};

TEST_CASE("a batch whose id is too old asks for the time and goes again under a fresh id",
          "[client][outcome]") {
  FakeBroker broker{BrokerOfLater()};
  Client client(broker.url());
  const JobId id = client.enqueue("t", "payload");
  CHECK(id.time() >= Time(Milliseconds(BrokerOfLater::kNowMs)));
  const auto enqueued = client.enqueue_many(std::vector<Job>(3, Job("t", "payload")));
  CHECK(enqueued.at(2).accepted());
  const auto requests = broker.requests();
  REQUIRE(requests.size() == 4);  // Later batches know the time.
  CHECK(requests[0].enqueue().jobs(0).payload() == "payload");
  CHECK(requests[1].has_ping());
  CHECK(requests[2].enqueue().jobs(0).payload() == "payload");
}

TEST_CASE("a ping sets the clock that new ids are made by", "[client][outcome]") {
  FakeBroker broker{BrokerOfLater()};
  Client client(broker.url());
  client.ping();
  client.enqueue("t", "");
  CHECK(broker.requests().size() == 2);
}

TEST_CASE("an id that is too old for the broker's own time is an error", "[client][outcome]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    if (request.has_ping()) return peer->send(pong(request));
    peer->send(refused(request, pb::ID_EXPIRED));
  });
  Client client(broker.url());
  const auto id = client.try_enqueue("t", "");
  REQUIRE_FALSE(id);
  CHECK(id.error().code() == Errc::id_expired);
  CHECK_FALSE(id.error().outcome_unknown());
  CHECK_FALSE(id.error().job_id());
}

TEST_CASE("a batch that may have been accepted gets no fresh id", "[client][outcome]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    if (request.has_ping()) return peer->send(pong(request));
    if (peer->number() == 1) return peer->cut();
    peer->send(refused(request, pb::ID_EXPIRED));
  });
  Client client(quick(broker));
  const auto id = client.try_enqueue("t", "");
  REQUIRE_FALSE(id);
  CHECK(id.error().code() == Errc::id_expired);
  CHECK(id.error().outcome_unknown());
  CHECK(id.error().job_id());
  CHECK(broker.requests().size() == 2);
}

TEST_CASE("an enqueue with an open outcome names the job to look for", "[client][outcome]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    if (request.has_ping()) peer->send(pong(request));
  });
  Client client(broker.url());
  client.ping();
  auto first = client.future_enqueue("t", "a", Options(), 1s);
  const auto all =
      client.try_enqueue_many(std::vector<Job>(2, Job("t", "")), BatchMode::all_or_nothing, 1s);
  const auto requests = broker.requests();
  REQUIRE(requests.size() == 3);
  const auto is_batch_of = [&](const JobId& id, int jobs) {
    return std::any_of(requests.begin(), requests.end(), [&](const pb::Request& request) {
      return request.enqueue().jobs_size() == jobs &&
             std::string(id.bytes().begin(), id.bytes().end()) == request.enqueue().batch_id();
    });
  };
  try {
    first.get();
    FAIL("there was no answer");
  } catch (const Error& error) {
    CHECK(error.outcome_unknown());
    REQUIRE(error.job_id());
    CHECK(is_batch_of(*error.job_id(), 1));
  }
  REQUIRE_FALSE(all);
  REQUIRE(all.error().job_id());
  CHECK(is_batch_of(*all.error().job_id(), 2));
}

TEST_CASE("an enqueue that failed for good names no job", "[client][outcome]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    peer->send(refused(request, pb::INVALID_ARGUMENT));
  });
  Client client(broker.url());
  CHECK_FALSE(client.try_enqueue("t", "").error().job_id());
}

TEST_CASE("a short deadline among jobs that share a frame ends no other", "[client][outcome]") {
  std::vector<std::string> payloads;
  std::function<void()> refuse_first;
  std::atomic<bool> first_came = false;
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    for (const auto& job : request.enqueue().jobs()) payloads.push_back(job.payload());
    if (payloads.size() == 1) {
      refuse_first = [peer, request] { peer->send(accepted(request)); };
      first_came = true;
      return first_came.notify_all();
    }
    // The second frame has both; its refusal asks for more time than one of them has.
    peer->send(payloads.size() == 3 ? refused(request, pb::OVERLOADED, 30'000) : accepted(request));
  });
  Client client(broker.url());
  auto opener = client.future_enqueue("t", "opener");
  first_came.wait(false);
  auto hasty = client.future_enqueue("t", "hasty", Options(), 10s);
  auto patient = client.future_enqueue("t", "patient", Options(), 1h);
  broker.in_broker([&] { refuse_first(); });
  opener.get();
  CHECK_THROWS_AS(hasty.get(), Error);
  CHECK(patient.wait_for(0s) == std::future_status::timeout);
}

}  // namespace
}  // namespace pawl
