#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "tests/client/support/fake_broker.h"

namespace pawl::test {

// A broker for workers: it hands out the jobs that a test gives it, as a long poll does, takes
// every report and heartbeat, and tells what has come. The thread-safe half is for the test.
class ScriptedBroker {
 public:
  using PeerPtr = FakeBroker::PeerPtr;

  ScriptedBroker()
      : broker([this](const PeerPtr& peer, const pb::Request& request) { on(peer, request); }) {
    broker.greeting.set_session(std::string(16, 's'));
    broker.greeting.set_heartbeat_ms(10'000);
    broker.greeting.set_lease_ms(30'000);
  }

  static std::string batch_id(int number) {
    std::string id(16, '\x01');
    id[5] = static_cast<char>(number);
    id[14] = id[15] = '\0';
    return id;
  }

  // A batch of jobs of one type; payloads are given.
  static pb::Delivery batch(int number, const std::string& type,
                            const std::vector<std::string>& payloads) {
    pb::Delivery delivery;
    delivery.set_batch_id(batch_id(number));
    delivery.set_queue("default");
    delivery.mutable_defaults()->set_type(type);
    for (const std::string& payload : payloads) {
      delivery.add_index(static_cast<std::uint32_t>(delivery.jobs_size()));
      delivery.add_jobs()->set_payload(payload);
    }
    return delivery;
  }

  void deliver(const pb::Delivery& delivery) {
    broker.in_broker([this, delivery] {
      deliveries_.push_back(delivery);
      answer_fetches();
    });
  }
  void push(const pb::Reply& reply) {
    broker.in_broker([this, reply] {
      if (peer_) peer_->send(reply);
    });
  }
  void cut() {
    broker.in_broker([this] {
      if (peer_) peer_->cut();
    });
  }
  // From now on reports stay without an answer, or get one again.
  void answer_reports(bool value) {
    broker.in_broker([this, value] { answers_reports_ = value; });
  }

  // Waits until what has come fulfils the condition; false when it does not within 20 s.
  bool wait(const std::function<bool(const std::vector<pb::Request>&)>& condition) {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, std::chrono::seconds(20),
                          [&] { return condition(broker.requests()); });
  }
  // The outcomes of all reports, once there are so many jobs in them.
  std::vector<pb::Outcome> outcomes(int jobs) {
    wait([&](const auto& requests) { return count(all(requests)) >= jobs; });
    return all(broker.requests());
  }
  static int count(const std::vector<pb::Outcome>& outcomes) {
    int jobs = 0;
    for (const pb::Outcome& outcome : outcomes) jobs += outcome.index_size();
    return jobs;
  }
  static std::vector<pb::Outcome> all(const std::vector<pb::Request>& requests) {
    std::vector<pb::Outcome> outcomes;
    for (const pb::Request& request : requests) {
      outcomes.insert(outcomes.end(), request.report().outcomes().begin(),
                      request.report().outcomes().end());
    }
    return outcomes;
  }

  FakeBroker broker;

 private:
  void on(const PeerPtr& peer, const pb::Request& request) {
    peer_ = peer;
    pb::Reply reply;
    reply.set_id(request.id());
    if (request.has_fetch()) {
      fetches_.push_back(reply);
      answer_fetches();
    } else if (request.has_report()) {
      reply.mutable_report();
      if (answers_reports_) peer->send(reply);
    } else {
      reply.mutable_heartbeat();
      peer->send(reply);
    }
    const std::lock_guard lock(mutex_);
    came_.notify_all();
  }

  void answer_fetches() {
    while (!deliveries_.empty() && !fetches_.empty()) {
      pb::Reply reply = fetches_.front();
      fetches_.pop_front();
      reply.mutable_fetch()->set_token(++token_);
      *reply.mutable_fetch()->add_deliveries() = deliveries_.front();
      deliveries_.pop_front();
      peer_->send(reply);
    }
  }

  PeerPtr peer_;
  std::deque<pb::Delivery> deliveries_;
  std::deque<pb::Reply> fetches_;
  std::uint64_t token_ = 0;
  bool answers_reports_ = true;
  std::mutex mutex_;
  std::condition_variable came_;
};

}  // namespace pawl::test
