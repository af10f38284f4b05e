#pragma once

#include <memory>
#include <vector>

#include "proto/pawl.pb.h"
#include "worker/run.h"
#include "worker/session_fsm.h"

namespace pawl::worker {

// The jobs of a fetch, ready to be given slots. Whatever makes no sense in it is left out: it
// stays leased until a Hello of this worker does not list it.
std::vector<std::shared_ptr<Run>> runs_of(const pb::FetchReply& reply);

Greeting greeting_of(const pb::HelloReply& reply);
Lease lease_of(const pb::Cancelled& cancelled);

// The other direction of Greeting::lost: leases by token and batch.
void add_held(pb::WorkerHello& hello, const std::vector<Lease>& leases);

}  // namespace pawl::worker
