#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/enqueue_call.h"
#include "client/intake.h"

namespace pawl::client {

// The callers of single enqueues that share a batch.
class SinglesSink final : public BatchSink {
 public:
  // Tells the intake when the batch is no longer in flight.
  SinglesSink(Intake& intake, std::string group, std::vector<Batcher::Waiting> waiting);
  ~SinglesSink() override;

  void answered(const JobId& batch, const pb::EnqueueReply& reply) override;
  void failed(const std::optional<JobId>& batch, const Error& error) override;
  std::optional<TimePoint> expire(TimePoint now, const std::optional<JobId>& batch,
                                  const Error& error) override;

 private:
  void fail(std::size_t index, const std::optional<JobId>& batch, Error error);

  Intake& intake_;
  std::string group_;
  std::vector<Batcher::Waiting> waiting_;  // Those that have expired have no callback any more.
  Ticket ticket_;
};

// What became of the jobs of an enqueue_many(), as its batches end. Calls back when the last holder
// lets go of it.
class Verdicts {
 public:
  Verdicts(std::size_t jobs, BatchMode mode, Callback<std::vector<Enqueued>> done)
      : jobs_(jobs), mode_(mode), done_(std::move(done)) {}
  ~Verdicts();

  Enqueued& at(std::size_t position) { return jobs_[position]; }
  // With all_or_nothing the whole fails so; otherwise each job has its own verdict.
  void fail(const std::vector<std::size_t>& positions, const std::optional<JobId>& batch,
            const Error& error);

 private:
  std::vector<Enqueued> jobs_;
  BatchMode mode_;
  std::optional<Error> failure_;
  Callback<std::vector<Enqueued>> done_;
};

// One batch of an enqueue_many().
class ChunkSink final : public BatchSink {
 public:
  ChunkSink(std::shared_ptr<Verdicts> verdicts, std::vector<std::size_t> positions, Ticket ticket)
      : verdicts_(std::move(verdicts)),
        positions_(std::move(positions)),
        ticket_(std::move(ticket)) {}

  void answered(const JobId& batch, const pb::EnqueueReply& reply) override;
  void failed(const std::optional<JobId>& batch, const Error& error) override {
    verdicts_->fail(positions_, batch, error);
  }
  std::optional<TimePoint> expire(TimePoint now, const std::optional<JobId>& batch,
                                  const Error& error) override;

 private:
  std::shared_ptr<Verdicts> verdicts_;
  std::vector<std::size_t> positions_;
  Ticket ticket_;
};

}  // namespace pawl::client
