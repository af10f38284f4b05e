#include <atomic>
#include <future>
#include <latch>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/worker/scripted_broker.h"
#include <pawl/worker.h>

namespace pawl {
namespace {

using namespace std::chrono_literals;
using test::ScriptedBroker;

WorkerOptions options(const ScriptedBroker& broker, unsigned concurrency = 1) {
  return WorkerOptions()
      .connection(ClientOptions().url(broker.broker.url()).reconnect_backoff(1ms, 5ms))
      .worker_id("w1")
      .concurrency(concurrency);
}

// Waits until the handler is asked to stop.
StopReason await_stop(const Context& job) {
  std::promise<void> asked;
  const std::stop_callback callback(job.stop_token(), [&] { asked.set_value(); });
  asked.get_future().wait_for(20s);
  return job.stop_reason();
}

TEST_CASE("a worker says who it is and what it serves", "[worker]") {
  ScriptedBroker broker;
  Worker worker(options(broker, 3));
  worker.queue("first").queue("second");
  worker.on("b", [](Context&) {}).on("a", [](Context&) {});
  worker.start();
  REQUIRE(broker.wait([](const auto& requests) { return !requests.empty(); }));

  const pb::WorkerHello hello = broker.broker.hellos().front().worker();
  CHECK(hello.worker_id() == "w1");
  CHECK_FALSE(hello.host().empty());
  CHECK(hello.pid() == static_cast<unsigned>(getpid()));
  CHECK(hello.resume_session().empty());
  const pb::Fetch fetch = broker.broker.requests().front().fetch();
  CHECK(std::vector<std::string>(fetch.queues().begin(), fetch.queues().end()) ==
        std::vector<std::string>{"first", "second"});
  CHECK(std::vector<std::string>(fetch.types().begin(), fetch.types().end()) ==
        std::vector<std::string>{"a", "b"});
  CHECK(fetch.credits() == 3);
  CHECK(fetch.max_wait_ms() == 30'000);
}

TEST_CASE("a default handler takes every type", "[worker]") {
  ScriptedBroker broker;
  Worker worker(options(broker));
  worker.on("a", [](Context&) { return "by name"; });
  worker.default_handler([](Context& job) { return "default for " + job.type(); });
  worker.start();
  broker.deliver(ScriptedBroker::batch(1, "other", {"x"}));

  CHECK(broker.outcomes(1).at(0).result() == "default for other");
  CHECK(broker.broker.requests().front().fetch().types().empty());
  CHECK(broker.broker.requests().front().fetch().queues(0) == "default");
}

TEST_CASE("a handler sees its job, and its result goes back with the next fetch", "[worker]") {
  ScriptedBroker broker;
  Worker worker(options(broker));
  std::promise<std::string> seen;
  worker.on("t", [&](Context& job) -> Output {
    std::string text = job.queue() + " " + job.payload() + " " + job.content_type() + " " +
                       std::to_string(job.attempt()) + " " + std::to_string(job.fencing_token()) +
                       " " + std::string(job.header("trace").value_or("?")) + " " +
                       job.tags().at(0) + " " + std::to_string(job.id().index());
    if (job.deadline() || job.stop_requested() || job.lease() != LeaseState::held) text = "wrong";
    seen.set_value(text);
    return {"done", "text/x"};
  });
  worker.start();
  pb::Delivery delivery = ScriptedBroker::batch(1, "t", {"payload"});
  delivery.set_index(0, 300);
  delivery.add_attempt(4);
  delivery.mutable_defaults()->set_content_type("text/plain");
  delivery.mutable_defaults()->add_tags("tag");
  pb::Header& header = *delivery.mutable_jobs(0)->add_headers();
  header.set_name("trace");
  header.set_value("abc");
  broker.deliver(delivery);

  CHECK(seen.get_future().get() == "default payload text/plain 4 1 abc tag 300");
  REQUIRE(broker.wait([](const auto& requests) { return requests.size() >= 3; }));
  const auto requests = broker.broker.requests();
  const pb::Outcome outcome = requests[1].report().outcomes(0);
  CHECK(outcome.kind() == pb::Outcome::COMPLETE);
  CHECK(outcome.batch_id() == ScriptedBroker::batch_id(1));
  CHECK(outcome.index(0) == 300);
  CHECK(outcome.token() == 1);
  CHECK(outcome.result() == "done");
  CHECK(outcome.content_type() == "text/x");
  CHECK(requests[2].fetch().credits() == 1);
}

struct Odd {};

TEST_CASE("an exception fails the job by its type and text", "[worker]") {
  ScriptedBroker broker;
  Worker worker(options(broker));
  worker.on("t", [](Context& job) -> std::string {
    if (job.payload() == "std") throw std::out_of_range("too far \xff");
    if (job.payload() == "own") throw Fail("Mine", "my words", "my stack");
    if (job.payload() == "release") throw Release();
    throw Odd();
  });
  worker.start();
  int number = 0;
  const auto outcome_of = [&](const std::string& payload) {
    broker.deliver(ScriptedBroker::batch(++number, "t", {payload}));
    return broker.outcomes(number).back();
  };

  const pb::Outcome standard = outcome_of("std");
  CHECK(standard.kind() == pb::Outcome::FAIL);
  CHECK(standard.failure().error_class() == "std::out_of_range");
  CHECK(standard.failure().message() == "too far ?");
  CHECK(standard.failure().cause() == pb::Failure::HANDLER);
  const pb::Outcome own = outcome_of("own");
  CHECK(own.failure().error_class() == "Mine");
  CHECK(own.failure().message() == "my words");
  CHECK(own.failure().detail() == "my stack");
  CHECK(outcome_of("odd").failure().error_class() == "unknown");
  CHECK(outcome_of("release").kind() == pb::Outcome::RELEASE);
}

TEST_CASE("a result over 1 MiB is a failure that says so", "[worker]") {
  ScriptedBroker broker;
  Worker worker(options(broker));
  worker.on("t", [](Context&) { return std::string((1 << 20) + 1, 'x'); });
  worker.start();
  broker.deliver(ScriptedBroker::batch(1, "t", {""}));
  CHECK(broker.outcomes(1).at(0).failure().error_class() == "pawl.result_too_large");
}

TEST_CASE("a cancelled job's handler is asked to stop at once", "[worker]") {
  ScriptedBroker broker;
  Worker worker(options(broker));
  std::promise<void> started;
  worker.on("t", [&](Context& job) {
    started.set_value();
    const StopReason reason = await_stop(job);
    throw Fail(std::string(name_of(reason)), job.cancelled() ? "yes" : "no");
  });
  worker.start();
  broker.deliver(ScriptedBroker::batch(1, "t", {""}));
  started.get_future().wait();
  pb::Reply push;
  push.mutable_cancelled()->set_token(1);
  push.mutable_cancelled()->set_batch_id(ScriptedBroker::batch_id(1));
  broker.push(push);

  const pb::Outcome outcome = broker.outcomes(1).at(0);
  CHECK(outcome.failure().error_class() == "cancelled");
  CHECK(outcome.failure().message() == "yes");
  CHECK(outcome.failure().cause() == pb::Failure::CANCELLATION);
}

TEST_CASE("a run-time limit stops the handler and gives it a deadline", "[worker]") {
  ScriptedBroker broker;
  Worker worker(options(broker));
  worker.on("t", [](Context& job) {
    if (job.deadline()) throw Fail(std::string(name_of(await_stop(job))), "");
  });
  worker.start();
  pb::Delivery delivery = ScriptedBroker::batch(1, "t", {""});
  delivery.mutable_defaults()->set_run_time_limit_ms(5);
  broker.deliver(delivery);

  const pb::Outcome outcome = broker.outcomes(1).at(0);
  CHECK(outcome.failure().error_class() == "time_limit");
  CHECK(outcome.failure().cause() == pb::Failure::TIME_LIMIT);
}

TEST_CASE("heartbeats go on while a handler does not come back", "[worker]") {
  ScriptedBroker broker;
  broker.broker.greeting.set_heartbeat_ms(1);
  Worker worker(options(broker));
  std::promise<void> release;
  worker.on("t", [&](Context&) { release.get_future().wait(); });
  worker.start();
  broker.deliver(ScriptedBroker::batch(1, "t", {""}));

  CHECK(broker.wait([](const auto& requests) {
    return std::count_if(requests.begin(), requests.end(),
                         [](const pb::Request& request) { return request.has_heartbeat(); }) > 5;
  }));
  release.set_value();
}

TEST_CASE("after a cut the worker resumes: running jobs go on, lost ones are fenced",
          "[worker][resume]") {
  ScriptedBroker broker;
  Worker worker(options(broker, 2));
  std::latch started(3);
  std::promise<LeaseState> fenced;
  std::promise<void> go_on;
  worker.on("lost", [&](Context& job) {
    started.count_down();
    await_stop(job);
    fenced.set_value(job.lease());
  });
  worker.on("kept", [&](Context&) {
    started.count_down();
    go_on.get_future().wait();
  });
  worker.start();
  broker.deliver(ScriptedBroker::batch(1, "lost", {""}));
  broker.deliver(ScriptedBroker::batch(2, "kept", {""}));
  started.arrive_and_wait();
  pb::Held& lost = *broker.broker.greeting.add_lost();
  lost.set_token(1);
  lost.set_batch_id(ScriptedBroker::batch_id(1));
  lost.add_index(0);
  broker.cut();

  CHECK(fenced.get_future().get() == LeaseState::lost);
  const pb::WorkerHello hello = broker.broker.hellos().at(1).worker();
  CHECK(hello.resume_session() == std::string(16, 's'));
  CHECK(hello.held_size() == 2);
  go_on.set_value();
  const auto outcomes = broker.outcomes(1);
  REQUIRE(outcomes.size() == 1);
  CHECK(outcomes[0].batch_id() == ScriptedBroker::batch_id(2));
}

TEST_CASE("a report that a cut left unanswered is sent again, its job listed as held",
          "[worker][resume]") {
  ScriptedBroker broker;
  broker.answer_reports(false);
  Worker worker(options(broker));
  worker.on("t", [](Context&) { return "once"; });
  worker.start();
  broker.deliver(ScriptedBroker::batch(1, "t", {""}));
  REQUIRE(broker.outcomes(1).size() == 1);
  broker.answer_reports(true);
  broker.cut();

  const auto outcomes = broker.outcomes(2);
  REQUIRE(outcomes.size() == 2);
  CHECK(outcomes[1].result() == "once");
  CHECK(broker.broker.hellos().at(1).worker().held(0).batch_id() == ScriptedBroker::batch_id(1));
  CHECK(worker.stop(20s));
}

// Waits until the worker has said Hello so often, and fetches again.
bool came_back(ScriptedBroker& broker, std::size_t hellos) {
  return broker.wait([&](const auto& requests) {
    return broker.broker.hellos().size() >= hellos && !requests.empty() &&
           requests.back().has_fetch();
  });
}

TEST_CASE("a worker whose fetch finds its session over opens a new one", "[worker][resume]") {
  ScriptedBroker broker;
  Worker worker(options(broker));
  worker.on("t", [](Context& job) { return job.payload(); });
  worker.start();
  REQUIRE(came_back(broker, 1));
  broker.refuse_fetches(pb::LEASE_LOST);

  REQUIRE(came_back(broker, 2));
  CHECK(broker.broker.hellos().at(1).worker().resume_session() == std::string(16, 's'));
  broker.deliver(ScriptedBroker::batch(1, "t", {"served"}));
  CHECK(broker.outcomes(1).at(0).result() == "served");
  CHECK_FALSE(worker.failure());
}

TEST_CASE("a worker whose heartbeat finds its session over stops what it has lost",
          "[worker][resume]") {
  ScriptedBroker broker;
  broker.broker.greeting.set_heartbeat_ms(1);
  Worker worker(options(broker));
  std::promise<void> started;
  std::promise<LeaseState> stopped;
  worker.on("lost", [&](Context& job) {
    started.set_value();
    await_stop(job);
    stopped.set_value(job.lease());
  });
  worker.on("next", [](Context&) {});
  worker.start();
  broker.deliver(ScriptedBroker::batch(1, "lost", {""}));
  started.get_future().wait();
  broker.end_session({ScriptedBroker::held(1, 1)});

  CHECK(stopped.get_future().get() == LeaseState::lost);
  CHECK(broker.broker.hellos().at(1).worker().held_size() == 1);
  broker.deliver(ScriptedBroker::batch(2, "next", {""}));
  const auto outcomes = broker.outcomes(1);
  REQUIRE(outcomes.size() == 1);
  CHECK(outcomes[0].batch_id() == ScriptedBroker::batch_id(2));
}

TEST_CASE("a worker whose report finds its session over blames no job for it", "[worker][resume]") {
  ScriptedBroker broker;
  Worker worker(options(broker));
  std::promise<void> started;
  std::promise<void> go_on;
  worker.on("late", [&](Context&) {
    started.set_value();
    go_on.get_future().wait();
  });
  worker.on("next", [](Context&) {});
  worker.start();
  broker.deliver(ScriptedBroker::batch(1, "late", {""}));
  started.get_future().wait();
  broker.end_session({ScriptedBroker::held(1, 1)});
  go_on.set_value();

  REQUIRE(came_back(broker, 2));
  CHECK(broker.broker.hellos().at(1).worker().held_size() == 1);
  broker.deliver(ScriptedBroker::batch(2, "next", {""}));
  for (const pb::Outcome& outcome : broker.outcomes(2)) {
    CHECK(outcome.kind() == pb::Outcome::COMPLETE);
  }
  CHECK(ScriptedBroker::count(broker.outcomes(2)) == 2);
  CHECK(worker.stop(20s));
}

TEST_CASE("a draining worker has its waiting fetch ended", "[worker][drain]") {
  ScriptedBroker broker;
  Worker worker(options(broker));
  worker.on("t", [](Context&) {});
  worker.start();
  REQUIRE(came_back(broker, 1));
  CHECK(worker.stop(20s));
  CHECK(broker.broker.requests().back().has_end_fetch());
}

TEST_CASE("a worker that could not start can be destroyed", "[worker]") {
  ScriptedBroker broker;
  constexpr int kNoSignal = 9999;
  {
    Worker worker(options(broker));
    worker.on("t", [](Context&) {});
    CHECK_THROWS(worker.run_until_signal({kNoSignal}));
  }
  CHECK(broker.broker.hellos().empty());
}

TEST_CASE("a worker's threads log one at a time", "[worker]") {
  constexpr int kJobs = 4;
  constexpr int kLines = 20;
  ScriptedBroker broker;
  std::atomic<bool> inside{false};
  std::atomic<bool> met{false};
  ClientOptions connection = options(broker).connection();
  connection.log([&](LogLevel, std::string_view) {
    if (inside.exchange(true)) met = true;
    std::this_thread::yield();
    inside = false;
  });
  Worker worker(options(broker, kJobs).connection(connection));
  std::latch started(kJobs);
  worker.on("t", [&](Context& job) {
    started.arrive_and_wait();
    for (int i = 0; i < kLines; ++i) job.log("line");
  });
  worker.start();
  broker.deliver(ScriptedBroker::batch(1, "t", std::vector<std::string>(kJobs)));

  CHECK(ScriptedBroker::count(broker.outcomes(kJobs)) == kJobs);
  CHECK(worker.stop(20s));
  CHECK_FALSE(met);
}

TEST_CASE("stop() waits for the handlers that run", "[worker][drain]") {
  ScriptedBroker broker;
  Worker worker(options(broker));
  std::promise<void> started;
  std::promise<void> go_on;
  worker.on("t", [&](Context&) {
    started.set_value();
    go_on.get_future().wait();
  });
  worker.start();
  broker.deliver(ScriptedBroker::batch(1, "t", {""}));
  started.get_future().wait();
  auto stopped = std::async(std::launch::async, [&] { return worker.stop(20s); });
  go_on.set_value();

  CHECK(stopped.get());
  CHECK(broker.outcomes(1).at(0).kind() == pb::Outcome::COMPLETE);
}

TEST_CASE("a handler that ignores the end of the grace loses its job, uncounted",
          "[worker][drain]") {
  ScriptedBroker broker;
  auto started = std::make_shared<std::promise<void>>();
  auto go_on = std::make_shared<std::promise<void>>();
  auto ended = std::make_shared<std::promise<void>>();
  {
    Worker worker(options(broker).stop_wait(1ms));
    worker.on("t", [=](Context& job) {
      started->set_value();
      go_on->get_future().wait();
      if (job.stop_reason() == StopReason::draining) ended->set_value();
    });
    worker.start();
    broker.deliver(ScriptedBroker::batch(1, "t", {""}));
    started->get_future().wait();
    CHECK_FALSE(worker.stop(0ms));
    CHECK(broker.outcomes(1).at(0).kind() == pb::Outcome::RELEASE);
  }
  // The worker is gone; its handler may still end in peace.
  go_on->set_value();
  CHECK(ended->get_future().wait_for(20s) == std::future_status::ready);
}

TEST_CASE("a worker that the broker will not have ends and says why", "[worker]") {
  test::FakeBroker broker([](const test::FakeBroker::PeerPtr& peer, const pb::Request& request) {
    peer->send(test::refused(request, pb::INVALID_ARGUMENT));
  });
  Worker worker(broker.url());
  worker.on("t", [](Context&) {});
  CHECK_THROWS_AS(worker.run_until_signal(), Error);
  REQUIRE(worker.failure());
  CHECK(worker.failure()->code() == Errc::invalid_argument);
}

TEST_CASE("a signal drains the worker", "[worker][drain]") {
  ScriptedBroker broker;
  Worker worker(options(broker));
  // To the process: the handler's thread blocks it.
  worker.on("t", [](Context&) { kill(getpid(), SIGTERM); });
  broker.deliver(ScriptedBroker::batch(1, "t", {""}));
  CHECK(worker.run_until_signal() == 0);
  CHECK(broker.outcomes(1).at(0).kind() == pb::Outcome::COMPLETE);
}

TEST_CASE("what makes no sense is refused before anything starts", "[worker]") {
  CHECK_THROWS_AS(Worker("nonsense://"), Error);
  Worker nothing("pawl://127.0.0.1:1");
  CHECK_THROWS_AS(nothing.start(), Error);
  Worker crowd("pawl://127.0.0.1:1");
  crowd.on("t", [](Context&) {}).concurrency(1001);
  CHECK_THROWS_AS(crowd.start(), Error);
}

TEST_CASE("batches of brief jobs run and are reported whole", "[worker]") {
  constexpr int kBatches = 20;
  constexpr int kJobs = 100;
  ScriptedBroker broker;
  Worker worker(options(broker, kJobs));
  std::atomic<int> runs{0};
  worker.on("t", [&](Context&) { ++runs; });
  worker.start();
  for (int number = 0; number < kBatches; ++number) {
    broker.deliver(ScriptedBroker::batch(number, "t", std::vector<std::string>(kJobs)));
  }

  const auto outcomes = broker.outcomes(kBatches * kJobs);
  CHECK(ScriptedBroker::count(outcomes) == kBatches * kJobs);
  CHECK(runs == kBatches * kJobs);
  CHECK(worker.stop(20s));
}

}  // namespace
}  // namespace pawl
