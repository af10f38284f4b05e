#include "worker/encode.h"

#include <algorithm>
#include <span>

#include "client/wire_error.h"
#include "proto/wire.h"

namespace pawl::worker {
namespace {

using wire::FieldWriter;
using Jobs = std::span<const Finished>;

std::uint64_t milliseconds_of(Duration duration) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

bool same_failure(const Failure& a, const Failure& b) {
  return a.error_class == b.error_class && a.message == b.message && a.detail == b.detail &&
         a.cause == b.cause;
}

bool shares_outcome(const Finished& a, const Finished& b) {
  return a.lease.token == b.lease.token && batch_of(a.lease.id) == batch_of(b.lease.id) &&
         a.outcome.kind == b.outcome.kind && a.outcome.result == b.outcome.result &&
         a.outcome.content_type == b.outcome.content_type &&
         same_failure(a.outcome.failure, b.outcome.failure) &&
         milliseconds_of(a.outcome.run_time) == milliseconds_of(b.outcome.run_time);
}

// Cuts the jobs of the first entry off the front.
Jobs take_entry(Jobs& jobs) {
  std::size_t count = 1;
  while (count < jobs.size() && shares_outcome(jobs.front(), jobs[count])) ++count;
  const Jobs entry = jobs.first(count);
  jobs = jobs.subspan(count);
  return entry;
}

void append_indexes(FieldWriter& writer, Jobs jobs) {
  std::size_t bytes = 0;
  for (const Finished& job : jobs) bytes += wire::varint_bytes(job.lease.id.index());
  writer.length(pb::Outcome::kIndexFieldNumber, bytes);
  for (const Finished& job : jobs) writer.varint(job.lease.id.index());
}

void append_failure(FieldWriter& writer, const Failure& failure) {
  const std::size_t begun = writer.begin(pb::Outcome::kFailureFieldNumber);
  writer.bytes(pb::Failure::kErrorClassFieldNumber, failure.error_class);
  writer.bytes(pb::Failure::kMessageFieldNumber, failure.message);
  writer.bytes(pb::Failure::kDetailFieldNumber, failure.detail);
  writer.number(pb::Failure::kCauseFieldNumber, static_cast<std::uint64_t>(failure.cause));
  writer.end(begun);
}

void append_entry(FieldWriter& writer, Jobs jobs) {
  const Lease& lease = jobs.front().lease;
  const Outcome& outcome = jobs.front().outcome;
  const JobId batch = batch_of(lease.id);
  const std::size_t begun = writer.begin(pb::Report::kOutcomesFieldNumber);
  writer.fixed64(pb::Outcome::kTokenFieldNumber, lease.token);
  writer.bytes(pb::Outcome::kBatchIdFieldNumber,
               {reinterpret_cast<const char*>(batch.bytes().data()), batch.bytes().size()});
  append_indexes(writer, jobs);
  writer.number(pb::Outcome::kKindFieldNumber, static_cast<std::uint64_t>(outcome.kind));
  writer.bytes(pb::Outcome::kResultFieldNumber, outcome.result);
  writer.bytes(pb::Outcome::kContentTypeFieldNumber, outcome.content_type);
  if (outcome.kind == OutcomeKind::fail) append_failure(writer, outcome.failure);
  writer.number(pb::Outcome::kRunMsFieldNumber, milliseconds_of(outcome.run_time));
  writer.end(begun);
}

}  // namespace

void append_fetch_op(std::string& out, const Subscription& subscription, const FetchOrder& order) {
  FieldWriter writer(out);
  const std::size_t begun = writer.begin(pb::Request::kFetchFieldNumber);
  writer.bytes(pb::Fetch::kNamespaceFieldNumber, subscription.name_space);
  for (const std::string& queue : subscription.queues) {
    writer.element(pb::Fetch::kQueuesFieldNumber, queue);
  }
  for (const std::string& type : subscription.types) {
    writer.element(pb::Fetch::kTypesFieldNumber, type);
  }
  writer.number(pb::Fetch::kCreditsFieldNumber, order.credits);
  writer.number(pb::Fetch::kMaxWaitMsFieldNumber, milliseconds_of(order.wait));
  writer.end(begun);
}

void append_report_op(std::string& out, const std::vector<Finished>& jobs) {
  FieldWriter writer(out);
  const std::size_t begun = writer.begin(pb::Request::kReportFieldNumber);
  for (Jobs rest = jobs; !rest.empty();) append_entry(writer, take_entry(rest));
  writer.end(begun);
}

void append_heartbeat_op(std::string& out) {
  FieldWriter(out).element(pb::Request::kHeartbeatFieldNumber, {});
}

void append_end_fetch_op(std::string& out) {
  FieldWriter(out).element(pb::Request::kEndFetchFieldNumber, {});
}

std::vector<Refusal> refusals_of(const pb::ReportReply& reply, const std::vector<Finished>& jobs) {
  std::vector<Refusal> refusals;
  if (reply.refused().empty()) return refusals;
  std::vector<Jobs> entries;
  for (Jobs rest = jobs; !rest.empty();) entries.push_back(take_entry(rest));
  for (const pb::ReportRefusal& refused : reply.refused()) {
    if (refused.outcome() >= entries.size()) continue;
    for (const Finished& job : entries[refused.outcome()]) {
      if (job.lease.id.index() != refused.index()) continue;
      refusals.push_back({.lease = job.lease, .code = client::errc_of(refused.code())});
    }
  }
  return refusals;
}

}  // namespace pawl::worker
