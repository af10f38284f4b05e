#include <future>

#include "tests/client/support/loopback.h"
#include "tests/client/support/session.h"

namespace pawl::client {
namespace {

using test::Session;

pb::Request fetch() {
  pb::Request request;
  request.mutable_fetch()->add_queues("media");
  return request;
}

void deliver(const PeerPtr& peer, const pb::Request& request) {
  pb::Reply reply;
  reply.set_id(request.id());
  reply.mutable_fetch()->set_token(42);
  peer->send(reply);
}

TEST_CASE("a connection resumes with the Hello that its owner makes", "[client][connection]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    if (peer->number() == 1) return peer->cut();
    deliver(peer, request);
  });
  broker.greeting.set_session("the session");
  std::string session_id;
  std::vector<std::string> disconnects;
  Session session(
      quick(broker),
      {.make_hello =
           [&] {
             pb::Hello hello;
             hello.mutable_worker()->set_resume_session(session_id);
             return hello;
           },
       .on_connected = [&](const pb::HelloReply& reply) { session_id = reply.session(); },
       .on_disconnected = [&](const Error& error) { disconnects.push_back(error.message()); },
       .on_push = {}});
  const auto reply = session.send(fetch()).get();
  REQUIRE(reply);
  CHECK(reply->fetch().token() == 42);
  session.close();
  const auto hellos = broker.hellos();
  REQUIRE(hellos.size() == 2);
  CHECK(hellos[0].worker().resume_session().empty());
  CHECK(hellos[1].worker().resume_session() == "the session");
  CHECK(hellos[1].protocol_version() == 1);
  CHECK(disconnects == std::vector<std::string>{"the broker closed the connection"});
  CHECK(broker.requests().size() == 2);
}

TEST_CASE("requests leave in the order of their sending", "[client][connection]") {
  FakeBroker broker(deliver);
  Session session(quick(broker), {});
  std::vector<std::future<Session::Outcome>> replies;
  for (std::uint32_t i = 1; i <= 100; ++i) {
    pb::Request request = fetch();
    request.mutable_fetch()->set_credits(i);
    replies.push_back(session.send(request));
  }
  for (auto& reply : replies) CHECK(reply.get().has_value());
  const auto requests = broker.requests();
  REQUIRE(requests.size() == 100);
  for (std::uint32_t i = 1; i <= 100; ++i) CHECK(requests[i - 1].fetch().credits() == i);
}

TEST_CASE("pushes come between replies", "[client][connection]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    pb::Reply push;
    push.mutable_cancelled()->set_token(7);
    peer->send(push);
    deliver(peer, request);
  });
  std::uint64_t cancelled = 0;
  Session session(quick(broker), {.make_hello = {},
                                  .on_connected = {},
                                  .on_disconnected = {},
                                  .on_push = [&](const pb::Reply& push) {
                                    cancelled = push.cancelled().token();
                                  }});
  CHECK(session.send(fetch()).get().has_value());
  session.close();
  CHECK(cancelled == 7);
}

TEST_CASE("a request that is not to be sent again fails with the cut", "[client][connection]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    if (peer->number() == 1) return peer->cut();
    deliver(peer, request);
  });
  Session session(quick(broker), {});
  const auto reply = session.send(fetch(), {.when_cut = WhenCut::fail}).get();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == Errc::connection);
  CHECK(session.send(fetch()).get().has_value());
}

TEST_CASE("a refusal reaches a request that wants it", "[client][connection]") {
  FakeBroker broker([](const PeerPtr& peer, const pb::Request& request) {
    peer->send(refused(request, pb::OVERLOADED, 1));
  });
  Session session(quick(broker), {});
  const auto reply = session.send(fetch(), {.when_refused = WhenRefused::fail}).get();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == Errc::overloaded);
}

TEST_CASE("closing fails what is in flight, and no hook runs afterwards", "[client][connection]") {
  FakeBroker broker([](const PeerPtr&, const pb::Request&) {});
  Session session(quick(broker), {});
  auto reply = session.send(fetch());
  session.close();
  CHECK(reply.get().error().code() == Errc::closed);
  session.close();
}

TEST_CASE("the owner's timers live on the connection's thread", "[client][connection]") {
  FakeBroker broker(deliver);
  Session session(quick(broker), {});
  std::promise<void> fired;
  boost::asio::steady_timer timer(session.context(), 1ms);
  timer.async_wait([&](boost::system::error_code) { fired.set_value(); });
  fired.get_future().get();
  session.close();
}

}  // namespace
}  // namespace pawl::client
