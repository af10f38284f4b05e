#include "client/sinks.h"

#include <algorithm>

#include "client/wire_error.h"

namespace pawl::client {

SinglesSink::SinglesSink(Intake& intake, std::string group, std::vector<Batcher::Waiting> waiting)
    : intake_(intake), group_(std::move(group)), waiting_(std::move(waiting)) {
  for (Batcher::Waiting& one : waiting_) ticket_.add(std::move(one.ticket));
}

SinglesSink::~SinglesSink() {
  intake_.batch_ended(group_);
}

void SinglesSink::answered(const JobId& batch, const pb::EnqueueReply& reply) {
  for (const pb::Refusal& refusal : reply.refused()) {
    if (refusal.index() >= waiting_.size() || !waiting_[refusal.index()].done) continue;
    waiting_[refusal.index()].done(Error(errc_of(refusal.code()), refusal.message()));
  }
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    if (waiting_[i].done) waiting_[i].done(job_of_batch(batch, i));
  }
}

void SinglesSink::failed(const std::optional<JobId>& batch, const Error& error) {
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    if (waiting_[i].done) fail(i, batch, error);
  }
}

std::optional<TimePoint> SinglesSink::expire(TimePoint now, const std::optional<JobId>& batch,
                                             const Error& error) {
  std::optional<TimePoint> next;
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    if (!waiting_[i].done) continue;
    if (waiting_[i].deadline <= now) {
      fail(i, batch, error);
    } else {
      next = std::min(next.value_or(TimePoint::max()), waiting_[i].deadline);
    }
  }
  return next;
}

void SinglesSink::fail(std::size_t index, const std::optional<JobId>& batch, Error error) {
  if (batch && error.outcome_unknown()) error.set_job_id(job_of_batch(*batch, index));
  waiting_[index].done(error);
}

Verdicts::~Verdicts() {
  if (failure_) {
    done_(*failure_);
  } else {
    done_(std::move(jobs_));
  }
}

void Verdicts::fail(const std::vector<std::size_t>& positions, const std::optional<JobId>& batch,
                    const Error& error) {
  if (mode_ == BatchMode::all_or_nothing) {
    failure_ = error;
    if (batch && error.outcome_unknown()) failure_->set_job_id(*batch);
  }
  for (std::size_t i = 0; i < positions.size(); ++i) {
    Enqueued& job = jobs_[positions[i]];
    job.code = error.code();
    job.message = error.message();
    job.outcome_unknown = error.outcome_unknown();
    if (batch && job.outcome_unknown) job.id = job_of_batch(*batch, i);
  }
}

void ChunkSink::answered(const JobId& batch, const pb::EnqueueReply& reply) {
  for (std::size_t i = 0; i < positions_.size(); ++i) {
    Enqueued& job = verdicts_->at(positions_[i]);
    job.id = job_of_batch(batch, i);
    job.duplicate = reply.duplicate();
    job.level = static_cast<Durability>(reply.level());
  }
  for (const pb::Refusal& refusal : reply.refused()) {
    if (refusal.index() >= positions_.size()) continue;
    Enqueued& job = verdicts_->at(positions_[refusal.index()]);
    job = Enqueued();
    job.code = errc_of(refusal.code());
    job.message = refusal.message();
  }
}

std::optional<TimePoint> ChunkSink::expire(TimePoint /*now*/, const std::optional<JobId>& batch,
                                           const Error& error) {
  failed(batch, error);
  return std::nullopt;
}

}  // namespace pawl::client
