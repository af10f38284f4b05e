#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "tests/client/support/loopback.h"
#include <pawl/asio.h>

// g++ 12 takes the allocator of Asio's coroutine frames for a mismatch when it inlines one half of
// it.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace pawl {
namespace {

namespace asio = boost::asio;

asio::awaitable<std::vector<JobId>> enqueue_some(Client& client) {
  std::vector<JobId> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(co_await async_enqueue(
        client, "t", std::to_string(i),
        Options().queue("media").tag("a long enough tag for the heap"), asio::use_awaitable));
  }
  std::vector<Job> jobs(2, Job("t", "many"));
  const auto many =
      co_await async_enqueue_many(client, std::move(jobs), BatchMode::per_job, asio::use_awaitable);
  for (const Enqueued& one : many) ids.push_back(one.id);
  co_return ids;
}

TEST_CASE("a coroutine awaits ids and goes on on its own executor", "[client][asio]") {
  FakeBroker broker(accept_all);
  Client client(broker.url());
  asio::io_context context;
  auto ids = asio::co_spawn(context, enqueue_some(client), asio::use_future);
  context.run();
  CHECK(ids.get().size() == 5);
  CHECK(broker.requests().size() == 4);
}

asio::awaitable<Errc> failing(Client& client) {
  try {
    const JobId id = co_await async_enqueue(client, "t", "", Options(), asio::use_awaitable);
    static_cast<void>(id);
  } catch (const Error& error) {
    co_return error.code();
  }
  co_return Errc::ok;
}

TEST_CASE("a refusal is thrown out of co_await", "[client][asio]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    peer->send(refused(request, pb::INVALID_ARGUMENT));
  });
  Client client(broker.url());
  asio::io_context context;
  auto code = asio::co_spawn(context, failing(client), asio::use_future);
  context.run();
  CHECK(code.get() == Errc::invalid_argument);
}

TEST_CASE("handlers and futures are tokens too", "[client][asio]") {
  FakeBroker broker(accept_all);
  Client client(broker.url());
  asio::io_context context;
  std::thread::id ran_on;
  async_enqueue(client, "t", "", Options(),
                asio::bind_executor(context, [&](std::exception_ptr failure, JobId id) {
                  CHECK_FALSE(failure);
                  CHECK(id != JobId());
                  ran_on = std::this_thread::get_id();
                }));
  context.run();
  CHECK(ran_on == std::this_thread::get_id());
  CHECK(async_enqueue(client, "t", "", Options(), asio::use_future).get() != JobId());
}

asio::awaitable<bool> wait_or_give_up(Client& client, std::chrono::milliseconds patience) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor, patience);
  const JobId id(JobId::Bytes{1});
  const auto first = co_await (async_wait(client, id, 1h, asio::use_awaitable) ||
                               timer.async_wait(asio::use_awaitable));
  co_return first.index() == 1;
}

TEST_CASE("a call that is cancelled ends at once", "[client][asio]") {
  FakeBroker broker([](const PeerPtr&, const pb::Request&) {});
  Client client(broker.url());
  asio::io_context context;
  auto gave_up = asio::co_spawn(context, wait_or_give_up(client, 10ms), asio::use_future);
  context.run();
  CHECK(gave_up.get());
}

TEST_CASE("each operation has its token form", "[client][asio]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    pb::Reply reply;
    reply.set_id(request.id());
    if (request.has_ping()) reply.mutable_ping();
    if (request.has_get_jobs()) reply.mutable_get_jobs()->add_jobs()->set_state(pb::COMPLETED);
    if (request.has_wait_job()) reply.mutable_wait_job()->mutable_job()->set_state(pb::COMPLETED);
    if (request.has_cancel_jobs())
      reply.mutable_cancel_jobs()->add_jobs()->set_state(pb::CANCELLED);
    if (request.has_list_jobs()) reply.mutable_list_jobs();
    if (request.has_queue_stats()) reply.mutable_queue_stats()->add_queues();
    peer->send(reply);
  });
  Client client(broker.url());
  const JobId id(JobId::Bytes{1});
  const auto token = asio::use_future;
  CHECK_NOTHROW(async_ping(client, token).get());
  CHECK_NOTHROW(async_get(client, id, View::full, token).get());
  CHECK(async_get_many(client, {id}, View::status, token).get().size() == 1);
  CHECK(async_wait(client, id, 1s, token).get().state == JobState::completed);
  CHECK(async_cancel(client, id, token).get() == JobState::cancelled);
  CHECK(async_cancel_many(client, {id}, token).get().size() == 1);
  CHECK(async_list(client, ListQuery("q", JobState::failed), token).get().jobs.empty());
  CHECK(async_queue_stats(client, {}, "", token).get().size() == 1);
}

}  // namespace
}  // namespace pawl
