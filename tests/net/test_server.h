#pragma once

#include <utility>
#include <vector>

#include "broker/net/server.h"
#include "tests/net/recording_sink.h"
#include "tests/net/test_client.h"
#include "tests/net/values.h"

namespace pawl::net {

inline NetSettings test_settings() {
  NetSettings settings;
  settings.port = 0;
  settings.tick = core::Milliseconds(5);
  settings.greeting.version = "1.0.0";
  settings.greeting.frame_bytes_max = 4 << 20;
  settings.greeting.payload_bytes_max = 1 << 20;
  settings.greeting.heartbeat = core::Milliseconds(10'000);
  settings.greeting.lease = core::Milliseconds(30'000);
  return settings;
}

// A server on a port of its own, with the test in the engine's place.
class TestServer {
 public:
  explicit TestServer(const NetSettings& settings = test_settings())
      : services_{sink,
                  [] {
                    return core::Now{core::timestamp_from_ms(kMailTime), {}};
                  },
                  [] {
                    return core::SessionId{5, 6};
                  }},
        server(services_, settings) {
    server.start();
  }

  TestClient connect() { return TestClient(server.endpoint()); }
  // A client that has said Hello and read the answer.
  TestClient greeted() {
    TestClient client = connect();
    client.hello();
    client.read_reply();
    return client;
  }
  // The same with a worker's session.
  TestClient worker() {
    TestClient client = connect();
    client.hello_worker();
    answer(sink.take_as<core::OpenSession>().ticket, core::SessionOpened{{7, 8}, {}, {}});
    client.read_reply();
    return client;
  }

  template <class Body>
  void answer(const core::Ticket& ticket, Body body) {
    std::vector<core::Reply> replies(1);
    replies[0].ticket = ticket;
    replies[0].body = std::move(body);
    server.deliver(std::move(replies));
  }

  RecordingSink sink;

 private:
  Services services_;

 public:
  Server server;
};

}  // namespace pawl::net
