#pragma once

#include <memory>
#include <optional>
#include <string>

#include "client/batch_id.h"
#include "client/call.h"
#include "client/encode.h"
#include <pawl/job.h>

namespace pawl::client {

// Who waits for the jobs of one batch.
class BatchSink {
 public:
  virtual ~BatchSink() = default;
  virtual void answered(const JobId& batch, const pb::EnqueueReply& reply) = 0;
  // `batch` is nothing when the jobs were never sent.
  virtual void failed(const std::optional<JobId>& batch, const Error& error) = 0;
  // Fails what is due at `now`, and returns the next deadline if there is one.
  virtual std::optional<TimePoint> expire(TimePoint now, const std::optional<JobId>& batch,
                                          const Error& error) = 0;
};

// What ids are made of; shared by the enqueues of a connection.
struct BatchIdSource {
  BatchIds ids;
  BrokerClock clock;

  JobId next(const EnqueueHead& head);
};

// An Enqueue frame. Its batch gets its id when it is sent first, from the broker's clock, and keeps
// it, so that the broker recognises what it has already accepted. When the broker takes the id for
// too old or too new, and no sending is without its answer, the batch gets a second one.
class EnqueueCall final : public Call {
 public:
  struct Batch {
    EnqueueHead head;
    std::string jobs;
    std::unique_ptr<BatchSink> sink;
  };

  // `ids` must outlive the call.
  EnqueueCall(TimePoint deadline, Batch batch, BatchIdSource& ids)
      : Call({.deadline = deadline}), batch_(std::move(batch)), ids_(&ids) {}

  void append_op(std::string& out, TimePoint now) override;
  Next on_reply(pb::Reply& reply, TimePoint now) override;
  Remedy remedy(const Error& refusal) override;
  void fail(const Error& error) override { batch_.sink->failed(id_, error); }
  std::optional<TimePoint> expire(TimePoint now, const Error& error) override {
    return batch_.sink->expire(now, id_, error);
  }

 private:
  Batch batch_;
  BatchIdSource* ids_;
  std::optional<JobId> id_;
  bool renewed_ = false;
};

}  // namespace pawl::client
