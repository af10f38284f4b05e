#include <atomic>
#include <set>

#include "tests/client/support/loopback.h"

namespace pawl {
namespace {

pb::Reply job_reply(const pb::Request& request, pb::State state) {
  pb::Reply reply;
  reply.set_id(request.id());
  auto& job = *reply.mutable_wait_job()->mutable_job();
  job.set_id(request.wait_job().id());
  job.set_state(state);
  return reply;
}

TEST_CASE("a job's status comes with all that the broker says", "[client][query]") {
  FakeBroker broker(answer_gets([](pb::JobStatus& job, const pb::Request& request) {
    if (job.id()[0] == 0) return job.set_code(pb::NOT_FOUND);
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
    if (!request.get_jobs().payloads()) return;
    job.mutable_defaults()->set_type("image.resize");
    job.mutable_defaults()->add_tags("a");
    job.mutable_job()->set_payload("s3://x");
    job.mutable_job()->add_tags("b");
    job.mutable_job()->set_delay_ms(5);
  }));
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
          "[client][query]") {
  FakeBroker broker(answer_gets([](pb::JobStatus&, const pb::Request&) {}));
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

std::vector<JobId> some_ids(std::uint8_t count) {
  std::vector<JobId> ids;
  for (std::uint8_t i = 1; i <= count; ++i) ids.push_back(JobId(JobId::Bytes{i}));
  return ids;
}

TEST_CASE("jobs that had no room in an answer are asked for again alone", "[client][query]") {
  // An answer has room for its first job.
  FakeBroker broker(answer_gets([](pb::JobStatus& job, const pb::Request& request) {
    if (job.id() != request.get_jobs().ids(0)) job.set_code(pb::TOO_LARGE);
  }));
  Client client(broker.url());
  const auto ids = some_ids(4);
  const auto jobs = client.get_many(ids, View::full);
  REQUIRE(jobs.size() == 4);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    CHECK(jobs[i].found());
    CHECK(jobs[i].id == ids[i]);
  }
  const auto requests = broker.requests();
  REQUIRE(requests.size() == 4);
  CHECK(requests[0].get_jobs().ids_size() == 4);
  CHECK(requests[3].get_jobs().ids_size() == 1);
  CHECK(requests[3].get_jobs().payloads());
}

TEST_CASE("a job that fits into no answer is told as that", "[client][query]") {
  FakeBroker broker(
      answer_gets([](pb::JobStatus& job, const pb::Request&) { job.set_code(pb::TOO_LARGE); }));
  Client client(broker.url());
  CHECK(client.get_many(some_ids(2), View::full).at(1).code == Errc::too_large);
  const auto one = client.try_get(some_ids(1)[0], View::full);
  REQUIRE_FALSE(one);
  CHECK(one.error().code() == Errc::too_large);
  CHECK(one.error().message().find("does not fit") != std::string::npos);
}

TEST_CASE("an answer that would be too large as a whole is asked for by halves",
          "[client][query]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    pb::Reply reply;
    reply.set_id(request.id());
    if (request.get_jobs().ids_size() > 3 || request.list_jobs().limit() > 300) {
      return peer->send(refused(request, pb::TOO_LARGE));
    }
    for (const auto& id : request.get_jobs().ids())
      reply.mutable_get_jobs()->add_jobs()->set_id(id);
    if (request.has_list_jobs()) reply.mutable_list_jobs()->set_next_cursor("on");
    peer->send(reply);
  });
  Client client(broker.url());
  const auto ids = some_ids(10);
  const auto jobs = client.get_many(ids);
  REQUIRE(jobs.size() == 10);
  for (std::size_t i = 0; i < jobs.size(); ++i) CHECK(jobs[i].id == ids[i]);
  CHECK(client.list(ListQuery("q", JobState::pending).limit(1000)).next_cursor == "on");
  CHECK(broker.requests().back().list_jobs().limit() == 250);
}

TEST_CASE("an answer with other jobs than were asked for is an error", "[client][query]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    pb::Reply reply;
    reply.set_id(request.id());
    reply.mutable_get_jobs();
    peer->send(reply);
  });
  Client client(broker.url());
  CHECK(client.try_get_many(some_ids(2)).error().code() == Errc::protocol_error);
}

TEST_CASE("a wait on a broker that is not there ends with `deadline` soon after its time",
          "[client][query]") {
  const test::ClosedPort nobody;
  Client client(ClientOptions().url(nobody.url()).reconnect_backoff(1ms, 5ms).call_deadline(1h));
  const auto job = client.try_wait(JobId(JobId::Bytes{1}), 1ms);
  REQUIRE_FALSE(job);
  CHECK(job.error().code() == Errc::deadline);
}

TEST_CASE("a wait lasts until the final state, over the broker's rounds and a cut",
          "[client][query]") {
  std::vector<std::uint32_t> waits;
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    waits.push_back(request.wait_job().max_wait_ms());
    if (waits.size() == 1) return peer->send(job_reply(request, pb::PENDING));
    if (waits.size() == 2) return peer->cut();
    peer->send(job_reply(request, pb::COMPLETED));
  });
  Client client(quick(broker));
  const JobStatus job = client.wait(JobId(JobId::Bytes{1}), 90s, View::status);
  CHECK(job.state == JobState::completed);
  REQUIRE(waits.size() == 3);
  CHECK(waits[0] == 60'000);
}

TEST_CASE("a job that was waited for is asked for whole in its turn", "[client][query]") {
  bool gone = false;
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    if (request.has_wait_job()) return peer->send(job_reply(request, pb::COMPLETED));
    pb::Reply reply;
    reply.set_id(request.id());
    auto& job = *reply.mutable_get_jobs()->add_jobs();
    job.set_id(request.get_jobs().ids(0));
    if (gone) {
      job.set_code(pb::NOT_FOUND);
    } else {
      job.set_state(pb::COMPLETED);
      job.set_result("the result");
    }
    peer->send(reply);
  });
  Client client(broker.url());
  CHECK(client.wait(JobId(JobId::Bytes{1}), 90s).result == "the result");
  REQUIRE(broker.requests().size() == 2);
  CHECK_FALSE(broker.requests()[0].wait_job().payloads());
  CHECK(broker.requests()[1].get_jobs().payloads());

  gone = true;
  CHECK(client.try_wait(JobId(JobId::Bytes{1}), 90s).error().code() == Errc::not_found);
}

TEST_CASE("a wait whose time is up tells the state that the job has", "[client][query]") {
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    const std::chrono::milliseconds wait(request.wait_job().max_wait_ms());
    auto timer = std::make_shared<boost::asio::steady_timer>(peer->executor(), wait);
    timer->async_wait([timer, peer, request](boost::system::error_code) {
      peer->send(job_reply(request, pb::PROCESSING));
    });
  });
  Client client(broker.url());
  const JobStatus job = client.wait(JobId(JobId::Bytes{1}), 20ms, View::status);
  CHECK(job.state == JobState::processing);
  CHECK_FALSE(is_final(job.state));
  CHECK(broker.requests()[0].wait_job().max_wait_ms() <= 20);
}

TEST_CASE("thousands of waits neither starve each other nor other calls", "[client][query]") {
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
        1min, View::status));
  }
  CHECK_NOTHROW(client.ping(1min));
  std::size_t completed = 0;
  for (auto& job : jobs) completed += job.get().state == JobState::completed;
  CHECK(completed == 2000);
}

TEST_CASE("waiting for a job that is not there fails at once", "[client][query]") {
  FakeBroker broker([&](const PeerPtr& peer, const pb::Request& request) {
    pb::Reply reply = job_reply(request, pb::STATE_UNSPECIFIED);
    reply.mutable_wait_job()->mutable_job()->set_code(pb::NOT_FOUND);
    peer->send(reply);
  });
  Client client(broker.url());
  CHECK(client.try_wait(JobId(), 1h).error().code() == Errc::not_found);
}

TEST_CASE("cancelling tells the state afterwards", "[client][query]") {
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

TEST_CASE("a list is walked over its pages, empty ones too", "[client][query]") {
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

TEST_CASE("stats and ping come through", "[client][query]") {
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

TEST_CASE("replies in any order find their callers", "[client][query]") {
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
