#pragma once

#include <map>
#include <vector>

#include "tests/simulation/server.h"

namespace pawl::simulation {

// Whoever talks to the broker.
class Client {
 public:
  virtual ~Client() = default;
  virtual void answered(core::ConnectionId connection, const core::Reply& reply) = 0;
  // The connection is no more; what was on its way either way may have arrived or not.
  virtual void cut(core::ConnectionId connection) = 0;
};

// Connections between clients and the broker: in order, with delays, cut at any moment. Either side
// may learn of a cut much later than the other.
class Network {
 public:
  Network(EventQueue& events, Chance& chance, const Plan& plan, Server& server)
      : events_(events), chance_(chance), plan_(plan), server_(server) {}

  core::ConnectionId open(Client& client);
  void send(core::ConnectionId connection, core::Command command);
  // By the client, which hears of it no more.
  void close(core::ConnectionId connection);

  void deliver(core::Reply&& reply);
  void broker_died();

  void cut_one();
  std::uint64_t cuts() const { return cuts_; }
  void heal() { faulty_ = false; }
  bool quiet() const { return on_the_way_ == 0; }
  bool whole(core::ConnectionId connection) const;

 private:
  struct Link {
    Client* client = nullptr;
    bool client_open = true;
    bool broker_open = true;
    bool up_lost = false;  // What the client has sent does not arrive any more.
    Micros up_clear{0};    // When the last message on its way arrives.
    Micros down_clear{0};
  };

  Micros transit(Micros& clear);
  void in_transit(Micros when, std::function<void()> what);
  void part(core::ConnectionId connection, Link& link);

  EventQueue& events_;
  Chance& chance_;
  const Plan& plan_;
  Server& server_;
  bool faulty_ = true;
  core::ConnectionId last_ = 0;
  std::map<core::ConnectionId, Link> links_;
  std::size_t on_the_way_ = 0;
  std::uint64_t cuts_ = 0;
};

}  // namespace pawl::simulation
