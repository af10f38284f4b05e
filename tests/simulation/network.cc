#include "tests/simulation/network.h"

#include <memory>

namespace pawl::simulation {

namespace {

using namespace std::chrono_literals;

// A half-open connection is noticed by then.
constexpr Micros kNoticedWithin = 20s;

}  // namespace

Micros Network::transit(Micros& clear) {
  clear = std::max(clear, events_.now() + chance_.spread(plan_.net_delay));
  return clear;
}

void Network::in_transit(Micros when, std::function<void()> what) {
  ++on_the_way_;
  events_.at(when, [this, what = std::move(what)] {
    --on_the_way_;
    what();
  });
}

core::ConnectionId Network::open(Client& client) {
  const core::ConnectionId id = ++last_;
  Link& link = links_[id];
  link.client = &client;
  if (server_.up()) return id;
  link.broker_open = false;
  in_transit(transit(link.down_clear), [this, id] {
    const auto found = links_.find(id);
    if (found == links_.end() || !found->second.client_open) return;
    Client* waiting = found->second.client;
    links_.erase(found);
    waiting->cut(id);
  });
  return id;
}

void Network::send(core::ConnectionId connection, core::Command command) {
  const auto found = links_.find(connection);
  if (found == links_.end() || !found->second.client_open) return;
  auto shared = std::make_shared<core::Command>(std::move(command));
  in_transit(transit(found->second.up_clear), [this, connection, shared] {
    const auto link = links_.find(connection);
    if (link == links_.end() || !link->second.broker_open || link->second.up_lost) return;
    server_.post(std::move(*shared));
  });
}

void Network::deliver(core::Reply&& reply) {
  const auto found = links_.find(reply.ticket.connection);
  if (found == links_.end() || !found->second.client_open) return;
  auto shared = std::make_shared<core::Reply>(std::move(reply));
  in_transit(transit(found->second.down_clear), [this, shared] {
    const auto link = links_.find(shared->ticket.connection);
    if (link == links_.end() || !link->second.client_open) return;
    link->second.client->answered(shared->ticket.connection, *shared);
  });
}

// The client's side is gone; the broker notices after what has arrived.
void Network::part(core::ConnectionId connection, Link& link) {
  link.client_open = false;
  if (!link.broker_open) {
    links_.erase(connection);
    return;
  }
  const Micros noticed = faulty_ ? chance_.spread(kNoticedWithin) : Micros{0};
  in_transit(std::max(link.up_clear, events_.now() + noticed), [this, connection] {
    const auto found = links_.find(connection);
    if (found == links_.end()) return;
    const bool tells = found->second.broker_open;
    links_.erase(found);
    if (tells) server_.post(core::Disconnected{connection});
  });
}

void Network::close(core::ConnectionId connection) {
  const auto found = links_.find(connection);
  if (found != links_.end() && found->second.client_open) part(connection, found->second);
}

void Network::cut_one() {
  std::vector<core::ConnectionId> open;
  for (const auto& [id, link] : links_) {
    if (link.client_open) open.push_back(id);
  }
  if (open.empty()) return;
  const core::ConnectionId id = chance_.pick(open);
  ++cuts_;
  Link& link = links_.at(id);
  link.up_lost = chance_.percent(50);
  Client* client = link.client;
  part(id, link);
  in_transit(events_.now() + chance_.spread(Micros{1s}), [client, id] { client->cut(id); });
}

void Network::broker_died() {
  std::vector<std::pair<core::ConnectionId, Client*>> told;
  for (auto link = links_.begin(); link != links_.end();) {
    if (link->second.client_open) told.emplace_back(link->first, link->second.client);
    link = links_.erase(link);
  }
  for (const auto& [id, client] : told) {
    in_transit(events_.now() + chance_.spread(plan_.net_delay),
               [client = client, id = id] { client->cut(id); });
  }
}

bool Network::whole(core::ConnectionId connection) const {
  const auto found = links_.find(connection);
  return found != links_.end() && found->second.client_open && found->second.broker_open;
}

}  // namespace pawl::simulation
