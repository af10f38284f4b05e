#pragma once

// What the tests have in common in which a client talks to a broker of a few lines.

#include <chrono>

#include <catch2/catch.hpp>

#include "tests/client/support/fake_broker.h"
#include <pawl/client.h>

namespace pawl {

using namespace std::chrono_literals;
using test::accepted;
using test::FakeBroker;
using test::pong;
using test::refused;
using PeerPtr = FakeBroker::PeerPtr;

inline void accept_all(const PeerPtr& peer, const pb::Request& request) {
  peer->send(accepted(request));
}

// A script that answers GetJobs: fill(job, request) says what of each job that was asked for.
template <class Fill>
FakeBroker::Script answer_gets(Fill fill) {
  return [fill](const PeerPtr& peer, const pb::Request& request) {
    pb::Reply reply;
    reply.set_id(request.id());
    auto& jobs = *reply.mutable_get_jobs();
    for (const auto& id : request.get_jobs().ids()) {
      pb::JobStatus& job = *jobs.add_jobs();
      job.set_id(id);
      fill(job, request);
    }
    peer->send(reply);
  };
}

// Comes back at once after a cut.
inline ClientOptions quick(const FakeBroker& broker) {
  return ClientOptions().url(broker.url()).reconnect_backoff(1ms, 5ms);
}

}  // namespace pawl
