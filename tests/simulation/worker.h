#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/network.h"

namespace pawl::simulation {

// A worker process: fetches, runs, reports, keeps its session, and misbehaves as much as the plan
// wants.
class Worker final : public Client {
 public:
  Worker(EventQueue& events, Chance& chance, const Plan& plan, Network& network, std::string name)
      : events_(events), chance_(chance), plan_(plan), network_(network), name_(std::move(name)) {}

  void start() { connect(); }
  // From now on it does nothing but its work, and asks for everything.
  void heal();
  // A fetch of everything is waiting at the broker.
  bool waits() const { return fetching_ && fetch_is_full_ && !silent_ && network_.whole(connection_); }

  void answered(core::ConnectionId connection, const core::Reply& reply) override;
  void cut(core::ConnectionId connection) override;

 private:
  struct Holding {
    core::Token token;
    core::BatchId batch;
    core::IndexSet jobs;     // Not answered for yet.
    core::IndexSet running;  // Of these: nothing has been reported yet.
  };

  void later(Micros delay, std::function<void()> what);
  void connect();
  void reconnect(Micros delay);
  void opened(const core::SessionOpened& opened);
  void fetch();
  void granted(const core::Granted& granted);
  void run(core::Token token, const core::BatchId& batch, core::IndexSet jobs);
  void finish(core::Token token, const core::BatchId& batch, core::IndexSet jobs);
  core::Outcome outcome(core::Token token, const core::BatchId& batch, core::IndexSet jobs);
  void send_report();
  void reported(const core::Report& report);
  void refused(const core::Refused& refused, std::uint64_t request);
  void beat();
  void misbehave();
  void die();
  std::size_t slots_in_use() const;
  void forget(core::Token token, const core::BatchId& batch, const core::IndexSet& jobs);
  bool mischief() { return !healed_ && chance_.percent(plan_.mischief_percent); }

  EventQueue& events_;
  Chance& chance_;
  const Plan& plan_;
  Network& network_;
  std::string name_;
  int lives_ = 0;
  bool healed_ = false;
  bool silent_ = false;

  std::uint64_t life_ = 0;  // Grows with each death; what was planned before does not happen.
  core::ConnectionId connection_ = 0;
  std::uint64_t requests_ = 0;
  bool session_open_ = false;
  core::SessionId session_;
  bool fetching_ = false;
  bool fetch_is_full_ = false;
  bool reporting_later_ = false;
  std::vector<Holding> held_;
  std::vector<core::Outcome> outbox_;
  std::map<std::uint64_t, core::Report> sent_;  // Reports without their answer, by request.
  std::vector<core::Outcome> old_;              // To be sent once more, long after.
};

}  // namespace pawl::simulation
