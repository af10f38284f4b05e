#pragma once

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "broker/core/command.h"

namespace pawl::runtime {

// The ticket that a command has to be answered on; one with request 0 when it has none.
inline core::Ticket ticket_of(const core::Command& command) {
  return std::visit(
      [](const auto& body) -> core::Ticket {
        if constexpr (requires { body.ticket; }) {
          return body.ticket;
        } else {
          return {};
        }
      },
      command);
}

// The tickets that still wait for their reply.
class Outstanding {
 public:
  void asked(const core::Command& command) {
    if (const auto* gone = std::get_if<core::Disconnected>(&command)) {
      requests_.erase(gone->connection);
      return;
    }
    const core::Ticket ticket = ticket_of(command);
    if (ticket.request != 0) requests_[ticket.connection].insert(ticket.request);
  }

  void answered(const core::Ticket& ticket) {
    const auto found = requests_.find(ticket.connection);
    if (found != requests_.end()) found->second.erase(ticket.request);
  }

  std::vector<core::Ticket> take_all() {
    std::vector<core::Ticket> tickets;
    for (const auto& [connection, requests] : requests_) {
      for (const std::uint64_t request : requests) tickets.push_back({connection, request});
    }
    requests_.clear();
    std::sort(tickets.begin(), tickets.end());
    return tickets;
  }

 private:
  std::unordered_map<core::ConnectionId, std::unordered_set<std::uint64_t>> requests_;
};

}  // namespace pawl::runtime
