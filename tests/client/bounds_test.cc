#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

#include "tests/client/support/loopback.h"

namespace pawl {
namespace {

// A broker that answers nothing until it is told to.
class SlowBroker {
 public:
  SlowBroker()
      : broker([this](const PeerPtr& peer, const pb::Request& request) {
          if (open_) return peer->send(accepted(request));
          held_.emplace_back(peer, request);
          ++held;
        }) {}

  void open() {
    broker.in_broker([this] {
      open_ = true;
      for (const auto& [peer, request] : held_) peer->send(accepted(request));
    });
  }

 private:
  bool open_ = false;
  std::vector<std::pair<PeerPtr, pb::Request>> held_;

 public:
  std::atomic<int> held = 0;  // Requests that came before it was open.
  FakeBroker broker;
};

// Returns once the thread of this process has nothing to do but to wait.
void await_sleep(const std::atomic<pid_t>& thread) {
  thread.wait(0);
  const auto path = fmt::format("/proc/self/task/{}/stat", thread.load());
  for (std::string stat; stat.find(") S ") == std::string::npos; std::this_thread::yield()) {
    std::getline(std::ifstream(path), stat);
  }
}

TEST_CASE("at the bound the asynchronous forms fail as overloaded", "[client][bounds]") {
  SlowBroker slow;
  Client client(ClientOptions().url(slow.broker.url()).in_flight_requests_max(2));
  auto a = client.future_enqueue("t", "a");
  auto b = client.future_enqueue("t", "b");
  auto c = client.future_enqueue("t", "c");
  try {
    c.get();
    FAIL("the bound holds nobody");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::overloaded);
    CHECK(error.retryable());
    CHECK_FALSE(error.outcome_unknown());
  }
  slow.open();
  CHECK_NOTHROW(a.get());
  CHECK_NOTHROW(b.get());
  CHECK(client.drain(1min));
  CHECK_NOTHROW(client.future_enqueue("t", "d").get());
}

TEST_CASE("at the bound the blocking forms wait for room", "[client][bounds]") {
  SlowBroker slow;
  Client client(ClientOptions().url(slow.broker.url()).in_flight_bytes_max(100));
  auto a = client.future_enqueue("t", std::string(90, 'x'));
  std::atomic<pid_t> thread = 0;
  std::thread blocked([&] {
    thread = gettid();
    thread.notify_all();
    client.enqueue("another type", std::string(90, 'y'));
  });
  await_sleep(thread);
  slow.open();
  blocked.join();
  CHECK(slow.held <= 1);
  CHECK_NOTHROW(a.get());
}

TEST_CASE("waiting for room ends at the deadline", "[client][bounds]") {
  SlowBroker slow;
  Client client(ClientOptions().url(slow.broker.url()).in_flight_requests_max(1));
  auto a = client.future_enqueue("t", "a");
  const auto b = client.try_enqueue("t", "b", Options(), 20ms);
  REQUIRE_FALSE(b);
  CHECK(b.error().code() == Errc::deadline);
  CHECK_FALSE(b.error().outcome_unknown());
  slow.open();
  a.get();
}

TEST_CASE("more than the bound goes chunk by chunk in the blocking form", "[client][bounds]") {
  FakeBroker broker(accept_all);
  Client client(ClientOptions().url(broker.url()).in_flight_requests_max(1500));
  const auto enqueued = client.enqueue_many(std::vector<Job>(10'000, Job("t", "x")));
  std::size_t good = 0;
  for (const auto& one : enqueued) good += one.accepted();
  CHECK(good == 10'000);
}

TEST_CASE("a client that ends fails what has no answer", "[client][bounds]") {
  SlowBroker slow;
  std::future<JobId> sent;
  std::future<JobId> gathered;
  std::future<std::vector<Enqueued>> many;
  {
    Client client(slow.broker.url());
    sent = client.future_enqueue("t", "a");
    gathered = client.future_enqueue("t", "b");
    many = client.future_enqueue_many(std::vector<Job>(3, Job("t", "x")));
    CHECK_FALSE(client.drain(10ms));
  }
  for (auto* future : {&sent, &gathered}) {
    try {
      future->get();
      FAIL("there was no answer");
    } catch (const Error& error) {
      CHECK(error.code() == Errc::closed);
    }
  }
  CHECK(many.get().at(2).code == Errc::closed);
}

TEST_CASE("a client that ends lets those go who wait in it", "[client][bounds]") {
  SlowBroker slow;
  auto client =
      std::make_unique<Client>(ClientOptions().url(slow.broker.url()).in_flight_requests_max(1));
  auto a = client->future_enqueue("t", "a");
  std::atomic<pid_t> thread = 0;
  const auto blocked = [&](auto wait) {
    thread = 0;
    std::thread result([&thread, wait, &client = *client] {
      thread = gettid();
      thread.notify_all();
      wait(client);
    });
    await_sleep(thread);
    return result;
  };
  Errc single = Errc::ok;
  Errc many = Errc::ok;
  bool drained = true;
  std::vector<std::thread> threads;
  threads.push_back(
      blocked([&](Client& c) { single = c.try_enqueue("t", "", {}, 1h).error().code(); }));
  threads.push_back(blocked([&](Client& c) {
    many = c.enqueue_many(std::vector<Job>(2500, Job("t", "")), BatchMode::per_job, 1h).at(2).code;
  }));
  threads.push_back(blocked([&](Client& c) { drained = c.drain(1h); }));
  client.reset();
  for (std::thread& one : threads) one.join();
  CHECK(single == Errc::closed);
  CHECK(many == Errc::closed);
  CHECK_FALSE(drained);
  CHECK_THROWS_AS(a.get(), Error);
}

TEST_CASE("large answers are asked for as far as they may be left unread, and a ping passes them",
          "[client][bounds]") {
  SlowBroker slow;
  slow.broker.greeting.set_unread_reply_bytes_max(8 << 20);
  Client client(slow.broker.url());
  const std::vector<JobId> two(2);
  const auto page = client.future_list(ListQuery("q", JobState::pending).limit(1000));
  const auto first = client.future_get_many(two, View::full);
  const auto second = client.future_get_many(two, View::full);
  const auto pong = client.future_ping();
  while (slow.held < 3) std::this_thread::yield();
  const auto requests = slow.broker.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].has_list_jobs());
  CHECK(requests[1].has_get_jobs());
  CHECK(requests[2].has_ping());
}

TEST_CASE("a client that never connected ends at once", "[client][bounds]") {
  std::future<JobId> id;
  { id = Client(ClientOptions().url("pawl://127.0.0.1:1")).future_enqueue("t", ""); }
  CHECK_THROWS_AS(id.get(), Error);
}

TEST_CASE("a URL that makes no sense is thrown by the constructor", "[client][bounds]") {
  CHECK_THROWS_AS(Client("broker:7295"), Error);
}

TEST_CASE("a callback may call on but not wait", "[client][bounds]") {
  FakeBroker broker(accept_all);
  Client client(broker.url());
  std::promise<Errc> waited;
  std::promise<Errc> drained;
  std::promise<bool> went_on;
  client.async_enqueue("t", "a", Options(), Deadline(), [&](Result<JobId>) {
    const auto blocking = client.try_enqueue("t", "b");
    waited.set_value(blocking ? Errc::ok : blocking.error().code());
    try {
      client.drain(1h);
    } catch (const Error& error) {
      drained.set_value(error.code());
    }
    client.async_enqueue("t", "c", Options(), Deadline(),
                         [&](Result<JobId> c) { went_on.set_value(c.has_value()); });
  });
  CHECK(waited.get_future().get() == Errc::invalid_argument);
  CHECK(drained.get_future().get() == Errc::invalid_argument);
  CHECK(went_on.get_future().get());
}

TEST_CASE("every asynchronous outcome comes on the client's thread", "[client][bounds]") {
  SlowBroker slow;
  Client client(ClientOptions().url(slow.broker.url()).in_flight_requests_max(1));
  std::promise<std::thread::id> first;
  std::promise<std::thread::id> refused;
  std::promise<std::thread::id> empty;
  client.async_enqueue("t", "", Options(), Deadline(),
                       [&](Result<JobId>) { first.set_value(std::this_thread::get_id()); });
  client.async_ping(Deadline(),
                    [&](Result<Pong>) { refused.set_value(std::this_thread::get_id()); });
  client.async_enqueue_many({}, BatchMode::per_job, Deadline(), [&](Result<std::vector<Enqueued>>) {
    empty.set_value(std::this_thread::get_id());
  });
  slow.open();
  const auto thread = first.get_future().get();
  CHECK(thread != std::this_thread::get_id());
  CHECK(refused.get_future().get() == thread);
  CHECK(empty.get_future().get() == thread);
}

TEST_CASE("the log tells of connections", "[client][bounds]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    if (peer->number() == 1) return peer->cut();
    peer->send(accepted(request));
  });
  std::vector<std::string> lines;
  {
    Client client(ClientOptions()
                      .url(broker.url())
                      .reconnect_backoff(1ms, 1ms)
                      .log([&](LogLevel, std::string_view text) { lines.emplace_back(text); }));
    client.enqueue("t", "");
  }
  REQUIRE(lines.size() >= 3);
  CHECK(lines[0] == "connected to " + broker.url().substr(7));
  CHECK(lines[1] == "the broker closed the connection");
}

}  // namespace
}  // namespace pawl
