#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include <catch2/catch.hpp>

#include "proto/slot.h"
#include "tests/client/support/fake_broker.h"
#include <pawl/client.h>

namespace pawl {
namespace {

using namespace std::chrono_literals;
using test::accepted;
using test::FakeBroker;
using test::refused;
using PeerPtr = FakeBroker::PeerPtr;

void accept_all(const PeerPtr& peer, const pb::Request& request) {
  peer->send(accepted(request));
}

ClientOptions quick(const FakeBroker& broker) {
  return ClientOptions().url(broker.url()).reconnect_backoff(1ms, 5ms);
}

pb::Reply job_reply(const pb::Request& request, pb::State state) {
  pb::Reply reply;
  reply.set_id(request.id());
  auto& job = *reply.mutable_wait_job()->mutable_job();
  job.set_id(request.wait_job().id());
  job.set_state(state);
  return reply;
}

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
  const auto hellos = broker.hellos();
  REQUIRE(hellos.size() == 2);
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
  FakeBroker broker([](const PeerPtr&, const pb::Request&) {});
  Client client(broker.url());
  const auto id = client.try_enqueue("t", "", Options(), 30ms);
  REQUIRE_FALSE(id);
  CHECK(id.error().code() == Errc::deadline);
  CHECK(id.error().outcome_unknown());
  CHECK(id.error().retryable());
}

TEST_CASE("jobs that share a frame keep their own deadlines", "[client][loopback]") {
  std::function<void()> answer;
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    answer = [peer, request] { peer->send(accepted(request)); };
  });
  Client client(broker.url());
  auto patient = client.future_enqueue("t", "a", Options(), 1min);
  auto hasty = client.future_enqueue("t", "b", Options(), 30ms);
  CHECK_THROWS_AS(hasty.get(), Error);
  CHECK(patient.wait_for(0s) == std::future_status::timeout);
  broker.in_broker([&] { answer(); });
  CHECK_NOTHROW(patient.get());
}

TEST_CASE("a broker that is not there is an error with its address and reason",
          "[client][loopback]") {
  std::string url;
  { url = FakeBroker(accept_all).url(); }
  Client client(ClientOptions().url(url).reconnect_backoff(1ms, 5ms));
  const auto id = client.try_enqueue("t", "", Options(), 50ms);
  REQUIRE_FALSE(id);
  CHECK(id.error().code() == Errc::connection);
  CHECK_FALSE(id.error().outcome_unknown());
  CHECK(id.error().message().find(url.substr(7)) != std::string::npos);
  CHECK(id.error().message().find("refused") != std::string::npos);
}

TEST_CASE("of several servers one that answers is found", "[client][loopback]") {
  std::string dead;
  { dead = FakeBroker(accept_all).url(); }
  FakeBroker broker(accept_all);
  Client client(
      ClientOptions().url(dead + "," + broker.url().substr(7)).reconnect_backoff(1ms, 5ms));
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

TEST_CASE("a job's status comes with all that the broker says", "[client][loopback]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    pb::Reply reply;
    reply.set_id(request.id());
    for (const auto& id : request.get_jobs().ids()) {
      auto& job = *reply.mutable_get_jobs()->add_jobs();
      job.set_id(id);
      if (id[0] == 0) {
        job.set_code(pb::NOT_FOUND);
        continue;
      }
      job.set_state(pb::RETRYING);
      job.set_namespace_("default");
      job.set_queue("media");
      job.set_type("image.resize");
      job.set_attempt(2);
      job.set_accepted_at_ms(1000);
      job.set_due_at_ms(2000);
      job.mutable_failure()->set_message("no space");
      auto& attempt = *job.add_attempts();
      attempt.set_number(1);
      attempt.set_end(pb::Attempt::WORKER_LOST);
      if (!request.get_jobs().payloads()) continue;
      job.mutable_defaults()->set_type("image.resize");
      job.mutable_defaults()->add_tags("a");
      job.mutable_job()->set_payload("s3://x");
      job.mutable_job()->add_tags("b");
      job.mutable_job()->set_delay_ms(5);
    }
    peer->send(reply);
  });
  Client client(broker.url());
  const JobId id(JobId::Bytes{1});
  const JobStatus job = client.get(id, View::full);
  CHECK(job.id == id);
  CHECK(job.state == JobState::retrying);
  CHECK(job.queue == "media");
  CHECK(job.attempt == 2);
  CHECK(job.accepted_at == Time(1s));
  CHECK(job.due_at == Time(2s));
  CHECK_FALSE(job.finished_at);
  REQUIRE(job.failure);
  CHECK(job.failure->message == "no space");
  REQUIRE(job.attempts.size() == 1);
  CHECK(job.attempts[0].end == Attempt::End::worker_lost);
  REQUIRE(job.job);
  CHECK(job.job->type == "image.resize");
  CHECK(job.job->payload == "s3://x");
  CHECK(job.job->options.tags() == std::vector<std::string>{"a", "b"});
  CHECK(job.job->options.delay() == 5ms);
  CHECK_FALSE(client.get(id).job);

  CHECK(client.try_get(JobId()).error().code() == Errc::not_found);
  const std::vector<JobId> ids = {JobId(), id};
  const auto jobs = client.get_many(ids);
  CHECK_FALSE(jobs.at(0).found());
  CHECK(jobs.at(1).found());
}

TEST_CASE("asking for many jobs is split into what a broker takes, and joined in order",
          "[client][loopback]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    pb::Reply reply;
    reply.set_id(request.id());
    for (const auto& id : request.get_jobs().ids())
      reply.mutable_get_jobs()->add_jobs()->set_id(id);
    peer->send(reply);
  });
  Client client(broker.url());
  std::vector<JobId> ids;
  for (int i = 0; i < 2345; ++i) {
    ids.push_back(
        JobId(JobId::Bytes{1, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)}));
  }
  const auto jobs = client.get_many(ids);
  CHECK(broker.requests().size() == 3);
  CHECK(broker.requests()[0].get_jobs().ids_size() == 1000);
  REQUIRE(jobs.size() == ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) REQUIRE(jobs[i].id == ids[i]);
}

TEST_CASE("a wait lasts until the final state, over the broker's rounds and a cut",
          "[client][loopback]") {
  std::vector<std::uint32_t> waits;
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    waits.push_back(request.wait_job().max_wait_ms());
    if (waits.size() == 1) return peer->send(job_reply(request, pb::PENDING));
    if (waits.size() == 2) return peer->cut();
    peer->send(job_reply(request, pb::COMPLETED));
  });
  Client client(quick(broker));
  const JobStatus job = client.wait(JobId(JobId::Bytes{1}), 90s);
  CHECK(job.state == JobState::completed);
  REQUIRE(waits.size() == 3);
  CHECK(waits[0] == 60'000);
}

TEST_CASE("a wait whose time is up tells the state that the job has", "[client][loopback]") {
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    const std::chrono::milliseconds wait(request.wait_job().max_wait_ms());
    auto timer = std::make_shared<boost::asio::steady_timer>(peer->executor(), wait);
    timer->async_wait([timer, peer, request](boost::system::error_code) {
      peer->send(job_reply(request, pb::PROCESSING));
    });
  });
  Client client(broker.url());
  const JobStatus job = client.wait(JobId(JobId::Bytes{1}), 20ms);
  CHECK(job.state == JobState::processing);
  CHECK_FALSE(is_final(job.state));
  CHECK(broker.requests()[0].wait_job().max_wait_ms() <= 20);
}

TEST_CASE("thousands of waits neither starve each other nor other calls", "[client][loopback]") {
  std::set<std::string> asked;
  std::vector<std::pair<PeerPtr, pb::Request>> held;
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    if (request.has_wait_job()) {
      // Each wait takes one round, until every job has been asked for.
      asked.insert(request.wait_job().id());
      held.emplace_back(peer, request);
      if (held.size() < 50 && asked.size() < 2000) return;
      for (const auto& [holder, wait] : held) {
        holder->send(job_reply(wait, asked.size() < 2000 ? pb::PENDING : pb::COMPLETED));
      }
      return held.clear();
    }
    pb::Reply reply;
    reply.set_id(request.id());
    reply.mutable_ping();
    peer->send(reply);
  });
  Client client(broker.url());
  std::vector<std::future<JobStatus>> jobs;
  for (int i = 0; i < 2000; ++i) {
    jobs.push_back(client.future_wait(
        JobId(JobId::Bytes{1, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)}),
        1min));
  }
  CHECK_NOTHROW(client.ping(1min));
  std::size_t completed = 0;
  for (auto& job : jobs) completed += job.get().state == JobState::completed;
  CHECK(completed == 2000);
}

TEST_CASE("waiting for a job that is not there fails at once", "[client][loopback]") {
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    pb::Reply reply = job_reply(request, pb::STATE_UNSPECIFIED);
    reply.mutable_wait_job()->mutable_job()->set_code(pb::NOT_FOUND);
    peer->send(reply);
  });
  Client client(broker.url());
  CHECK(client.try_wait(JobId(), 1h).error().code() == Errc::not_found);
}

TEST_CASE("cancelling tells the state afterwards", "[client][loopback]") {
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    pb::Reply reply;
    reply.set_id(request.id());
    for (const auto& id : request.cancel_jobs().ids()) {
      auto& verdict = *reply.mutable_cancel_jobs()->add_jobs();
      verdict.set_code(id[0] == 0 ? pb::NOT_FOUND : pb::OK);
      verdict.set_state(pb::PROCESSING);
    }
    peer->send(reply);
  });
  Client client(broker.url());
  const std::vector<JobId> ids = {JobId(JobId::Bytes{1}), JobId()};
  CHECK(client.cancel(ids[0]) == JobState::processing);
  CHECK(client.try_cancel(ids[1]).error().code() == Errc::not_found);
  CHECK(client.cancel_many(ids).at(1).code == Errc::not_found);
}

TEST_CASE("a list is walked over its pages, empty ones too", "[client][loopback]") {
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    const auto& list = request.list_jobs();
    pb::Reply reply;
    reply.set_id(request.id());
    auto& page = *reply.mutable_list_jobs();
    const int number = list.cursor().empty() ? 0 : std::stoi(list.cursor());
    for (int i = 0; number != 1 && i < 2; ++i)
      page.add_jobs()->set_type(std::to_string(number) + "." + std::to_string(i));
    if (number < 2) page.set_next_cursor(std::to_string(number + 1));
    peer->send(reply);
  });
  Client client(broker.url());
  const auto query = ListQuery("media", JobState::failed).type("t").limit(2);
  std::vector<std::string> types;
  for (const JobStatus& job : client.list_all(query)) types.push_back(job.type);
  CHECK(types == std::vector<std::string>{"0.0", "0.1", "2.0", "2.1"});
  CHECK(client.list(query).next_cursor == "1");
  const auto requests = broker.requests();
  CHECK(requests[0].list_jobs().queue() == "media");
  CHECK(requests[0].list_jobs().state() == pb::FAILED);
  CHECK(requests[0].list_jobs().type() == "t");
  CHECK(requests[0].list_jobs().limit() == 2);
}

TEST_CASE("stats and ping come through", "[client][loopback]") {
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    pb::Reply reply;
    reply.set_id(request.id());
    if (request.has_ping()) {
      reply.mutable_ping()->set_server_version("1.2.3");
      reply.mutable_ping()->set_uptime_ms(42);
    } else {
      auto& stat = *reply.mutable_queue_stats()->add_queues();
      stat.set_queue("media");
      stat.set_pending(7);
      stat.set_oldest_pending_ms(1500);
    }
    peer->send(reply);
  });
  Client client(broker.url());
  const Pong pong = client.ping();
  CHECK(pong.server_version == "1.2.3");
  CHECK(pong.uptime == 42ms);
  CHECK(pong.round_trip > 0us);
  const std::vector<std::string> queues = {"media"};
  const auto stats = client.queue_stats(queues);
  CHECK(broker.requests()[1].queue_stats().queues(0) == "media");
  REQUIRE(stats.size() == 1);
  CHECK(stats[0].pending == 7);
  CHECK(stats[0].oldest_pending == 1500ms);
}

TEST_CASE("replies in any order find their callers", "[client][loopback]") {
  std::vector<pb::Request> held;
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    held.push_back(request);
    if (held.size() < 3) return;
    for (auto it = held.rbegin(); it != held.rend(); ++it) {
      pb::Reply reply;
      reply.set_id(it->id());
      reply.mutable_get_jobs()->add_jobs()->set_id(it->get_jobs().ids(0));
      peer->send(reply);
    }
  });
  Client client(broker.url());
  std::vector<std::future<JobStatus>> jobs;
  for (std::uint8_t i = 1; i <= 3; ++i) jobs.push_back(client.future_get(JobId(JobId::Bytes{i})));
  for (std::uint8_t i = 1; i <= 3; ++i) CHECK(jobs[i - 1u].get().id == JobId(JobId::Bytes{i}));
}

}  // namespace
}  // namespace pawl
