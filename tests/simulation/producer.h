#pragma once

#include <functional>
#include <map>
#include <vector>

#include "tests/simulation/network.h"

namespace pawl::simulation {

// An application that enqueues: sends a batch until it knows what has become of it, or gives up.
class Producer final : public Client {
 public:
  Producer(EventQueue& events, Chance& chance, const Plan& plan, Network& network, Server& server)
      : events_(events), chance_(chance), plan_(plan), network_(network), server_(server) {}

  void start();
  void freeze() { frozen_ = true; }  // Sends nothing for a while.
  void heal();
  bool done() const { return made_ >= plan_.batches && open_.empty(); }
  const std::vector<core::JobId>& jobs() const { return jobs_; }

  void answered(core::ConnectionId connection, const core::Reply& reply) override;
  void cut(core::ConnectionId connection) override;

 private:
  struct Open {
    core::Enqueue command;
    std::uint32_t sent = 0;
  };

  void make_one();
  core::Enqueue make_batch();
  core::BatchId make_id();
  void fill_groups(core::Enqueue& command);
  core::JobGroup make_group();
  void send(const core::BatchId& id);
  void send_conflict(const core::Enqueue& command);
  void again(const core::BatchId& id);

  EventQueue& events_;
  Chance& chance_;
  const Plan& plan_;
  Network& network_;
  Server& server_;
  bool healed_ = false;
  bool frozen_ = false;
  core::ConnectionId connection_ = 0;
  std::uint64_t requests_ = 0;
  std::size_t made_ = 0;
  std::map<core::BatchId, Open> open_;
  std::map<core::Ticket, core::BatchId> asked_;
  std::vector<core::JobId> jobs_;
};

}  // namespace pawl::simulation
