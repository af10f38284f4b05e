#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "tests/client/support/fake_broker.h"

namespace pawl::test {

// A broker for workers: it hands out the jobs that a test gives it, as a long poll does, takes
// every report and heartbeat, and tells what has come. The thread-safe half is for the test.
class ScriptedBroker {
 private:
  // The broker's thread uses these, so they come before it and go after it.
  FakeBroker::PeerPtr peer_;
  FakeBroker::PeerPtr over_;
  std::deque<pb::Delivery> deliveries_;
  struct Fetch {
    pb::Reply reply;
    int credits = 0;
  };
  std::deque<Fetch> fetches_;
  std::uint64_t token_ = 0;
  bool answers_reports_ = true;
  std::mutex mutex_;
  std::condition_variable came_;

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
  // What is asked on this connection from now on is refused, as after a long silence. The Hello
  // that follows is told that these jobs are lost.
  void end_session(const std::vector<pb::Held>& lost = {}) {
    broker.in_broker([this, lost] {
      over_ = peer_;
      for (const pb::Held& each : lost) *broker.greeting.add_lost() = each;
    });
  }
  // Refuses the fetches that wait.
  void refuse_fetches(pb::Code code) {
    broker.in_broker([this, code] {
      for (const Fetch& fetch : std::exchange(fetches_, {})) {
        pb::Request request;
        request.set_id(fetch.reply.id());
        peer_->send(refused(request, code));
      }
    });
  }
  static pb::Held held(std::uint64_t token, int batch) {
    pb::Held held;
    held.set_token(token);
    held.set_batch_id(batch_id(batch));
    held.add_index(0);
    return held;
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
    if (peer != peer_) fetches_.clear();
    peer_ = peer;
    pb::Reply reply;
    reply.set_id(request.id());
    if (peer == over_) {
      peer->send(refused(request, pb::LEASE_LOST));
    } else if (request.has_fetch()) {
      fetches_.push_back({reply, static_cast<int>(request.fetch().credits())});
      answer_fetches();
    } else if (request.has_end_fetch()) {
      for (Fetch& fetch : fetches_) {
        fetch.reply.mutable_fetch();
        peer->send(fetch.reply);
      }
      fetches_.clear();
      reply.mutable_end_fetch();
      peer->send(reply);
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

  // Cuts so many jobs off the front.
  static pb::Delivery take(pb::Delivery& from, int jobs) {
    pb::Delivery taken = from;
    jobs = std::min(jobs, from.jobs_size());
    taken.mutable_index()->Truncate(jobs);
    taken.mutable_jobs()->DeleteSubrange(jobs, taken.jobs_size() - jobs);
    from.mutable_index()->erase(from.index().begin(), from.index().begin() + jobs);
    from.mutable_jobs()->DeleteSubrange(0, jobs);
    return taken;
  }

  void answer_fetches() {
    while (!deliveries_.empty() && !fetches_.empty()) {
      auto [reply, credits] = fetches_.front();
      fetches_.pop_front();
      reply.mutable_fetch()->set_token(++token_);
      *reply.mutable_fetch()->add_deliveries() = take(deliveries_.front(), credits);
      if (deliveries_.front().jobs().empty()) deliveries_.pop_front();
      peer_->send(reply);
    }
  }
};

}  // namespace pawl::test
