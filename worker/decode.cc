#include "worker/decode.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace pawl::worker {
namespace {

using std::chrono::milliseconds;

// Beyond that a limit is none: what follows cannot overflow.
constexpr std::uint64_t kRunTimeLimitMsMax = std::uint64_t{100} * 366 * 86'400'000;

std::optional<JobId> batch_id_of(std::string_view bytes) {
  JobId::Bytes id{};
  if (bytes.size() != id.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return JobId(id);
}

void add_extras(Run& run, const pb::Job& job) {
  for (const pb::Header& header : job.headers()) {
    run.headers.emplace_back(header.name(), header.value());
  }
  run.tags.insert(run.tags.end(), job.tags().begin(), job.tags().end());
}

// A job's own word goes before the batch's default, also when it says nothing or zero.
std::shared_ptr<Run> run_of(const pb::Job& job, const pb::Job& defaults) {
  auto run = std::make_shared<Run>();
  run->type = job.type().empty() ? defaults.type() : job.type();
  run->payload = (job.has_payload() ? job : defaults).payload();
  run->content_type = (job.has_content_type() ? job : defaults).content_type();
  run->schema_version = (job.has_schema_version() ? job : defaults).schema_version();
  add_extras(*run, defaults);
  add_extras(*run, job);
  const std::uint64_t limit_ms = (job.has_run_time_limit_ms() ? job : defaults).run_time_limit_ms();
  if (limit_ms != 0 && limit_ms <= kRunTimeLimitMsMax) run->run_time_limit = milliseconds(limit_ms);
  return run;
}

void add_delivery(std::vector<std::shared_ptr<Run>>& runs, const pb::Delivery& delivery,
                  std::uint64_t token) {
  const auto batch = batch_id_of(delivery.batch_id());
  if (!batch) return;
  for (int i = 0; i < std::min(delivery.index_size(), delivery.jobs_size()); ++i) {
    auto run = run_of(delivery.jobs(i), delivery.defaults());
    run->lease = {.token = token, .id = job_of_batch(*batch, delivery.index(i))};
    run->queue = delivery.queue();
    run->attempt = i < delivery.attempt_size() ? delivery.attempt(i) : 1;
    run->accepted_at = Time(milliseconds(delivery.accepted_at_ms()));
    runs.push_back(std::move(run));
  }
}

}  // namespace

std::vector<std::shared_ptr<Run>> runs_of(const pb::FetchReply& reply) {
  std::vector<std::shared_ptr<Run>> runs;
  for (const pb::Delivery& delivery : reply.deliveries()) {
    add_delivery(runs, delivery, reply.token());
  }
  return runs;
}

Greeting greeting_of(const pb::HelloReply& reply) {
  Greeting greeting;
  greeting.session = reply.session();
  if (reply.heartbeat_ms() > 0) greeting.heartbeat = milliseconds(reply.heartbeat_ms());
  if (reply.lease_ms() > 0) greeting.lease = milliseconds(reply.lease_ms());
  for (const pb::Held& lost : reply.lost()) {
    const auto batch = batch_id_of(lost.batch_id());
    if (!batch) continue;
    for (const std::uint32_t index : lost.index()) {
      greeting.lost.push_back({.token = lost.token(), .id = job_of_batch(*batch, index)});
    }
  }
  return greeting;
}

Lease lease_of(const pb::Cancelled& cancelled) {
  const auto batch = batch_id_of(cancelled.batch_id());
  if (!batch) return {};
  return {.token = cancelled.token(), .id = job_of_batch(*batch, cancelled.index())};
}

void add_held(pb::WorkerHello& hello, const std::vector<Lease>& leases) {
  std::map<std::pair<std::uint64_t, JobId>, pb::Held*> entries;
  for (const Lease& lease : leases) {
    const JobId batch = batch_of(lease.id);
    pb::Held*& entry = entries[{lease.token, batch}];
    if (entry == nullptr) {
      entry = hello.add_held();
      entry->set_token(lease.token);
      entry->set_batch_id(batch.bytes().data(), batch.bytes().size());
    }
    entry->add_index(lease.id.index());
  }
}

}  // namespace pawl::worker
