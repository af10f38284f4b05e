#pragma once

#include <string>
#include <vector>

#include "proto/pawl.pb.h"
#include "worker/run.h"
#include "worker/session_fsm.h"

namespace pawl::worker {

// What a worker subscribes to.
struct Subscription {
  std::string name_space;
  std::vector<std::string> queues;
  std::vector<std::string> types;  // Empty: any.
};

// Each appends the operation of a Request.
void append_fetch_op(std::string& out, const Subscription& subscription, const FetchOrder& order);
// Neighbours with one batch and the same outcome share an entry.
void append_report_op(std::string& out, const std::vector<Finished>& jobs);
void append_heartbeat_op(std::string& out);
void append_end_fetch_op(std::string& out);

// Which jobs a reply to that report means.
std::vector<Refusal> refusals_of(const pb::ReportReply& reply, const std::vector<Finished>& jobs);

}  // namespace pawl::worker
