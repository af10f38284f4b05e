#pragma once

#include <optional>

#include "tests/simulation/producer.h"

namespace pawl::simulation {

// Asks about jobs at random, and cancels some. At the end it asks about all of them.
class Observer final : public Client {
 public:
  Observer(EventQueue& events, Chance& chance, const Plan& plan, Network& network,
           const std::vector<std::unique_ptr<Producer>>& producers)
      : events_(events), chance_(chance), plan_(plan), network_(network), producers_(producers) {}

  void start();
  void heal() { healed_ = true; }

  // Runs the simulation until the answer is there; nothing when it does not come.
  std::optional<core::Reply> ask(core::Command command);

  void answered(core::ConnectionId connection, const core::Reply& reply) override;
  void cut(core::ConnectionId connection) override;

 private:
  void query();
  core::JobId any_job();

  EventQueue& events_;
  Chance& chance_;
  const Plan& plan_;
  Network& network_;
  const std::vector<std::unique_ptr<Producer>>& producers_;
  bool healed_ = false;
  core::ConnectionId connection_ = 0;
  std::uint64_t requests_ = 0;
  std::string cursor_;
  core::ListJobs listing_;
  std::optional<core::Reply> awaited_;
};

}  // namespace pawl::simulation
