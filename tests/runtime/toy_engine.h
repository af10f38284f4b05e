#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/core/command.h"
#include "broker/core/engine.h"

namespace pawl::test {

// As little as an engine can be: an Enqueue is one row and an answer after its commit, a Heartbeat
// needs nothing, a GetJobs is answered from a read.
class ToyEngine {
 public:
  ToyEngine(const core::Settings&, const core::EngineStart& start, core::Now)
      : epoch_(start.epoch), seq_(start.last) {}

  void execute(core::Command command, core::Now now) {
    std::visit([&](auto& body) { take(body, now); }, command);
  }
  void advance(core::Now, core::Timestamp) {}
  static std::optional<core::Timestamp> next_deadline(core::Now) { return std::nullopt; }

  core::Changes take_changes(core::Now now) {
    core::Changes changes = std::exchange(changes_, {});
    if (!open_->empty()) {
      open_->seq = ++seq_;
      open_->at = now.at;
      changes.commit = std::exchange(open_, std::make_shared<core::Commit>());
      open_->synced = true;
      changes_ = {};
    }
    return changes;
  }
  core::Changes take_loose(core::Now) {
    core::Changes loose;
    loose.reads = std::exchange(changes_.reads, {});
    const auto bound = std::stable_partition(changes_.replies.begin(), changes_.replies.end(),
                                             [&](const auto& reply) { return reply.after > seq_; });
    loose.replies.assign(bound, changes_.replies.end());
    changes_.replies.erase(bound, changes_.replies.end());
    return loose;
  }
  std::size_t open_bytes() const { return open_->bytes(); }
  static std::size_t kept_bytes() { return kept; }
  static inline std::size_t kept = 0;  // For a test to set.
  void committed(core::CommitSeq seq) { committed_ = seq; }
  bool ready() const { return true; }
  core::EngineTotals totals() const { return {}; }

  core::CommitSeq last_committed() const { return committed_; }
  core::Epoch epoch() const { return epoch_; }

 private:
  void take(core::Enqueue& enqueue, core::Now) {
    open_->synced = true;
    open_->put(core::Table::batches, enqueue.queue, "", enqueue.jobs);
    changes_.replies.push_back({enqueue.ticket, seq_ + 1, core::Accepted{}});
  }
  void take(core::Heartbeat& heartbeat, core::Now now) {
    changes_.replies.push_back({heartbeat.ticket, 0, core::Beaten{now.at}});
  }
  void take(core::GetJobs& get, core::Now) {
    core::Read read;
    read.id = reads_.size();
    read.ranges.push_back({core::Table::batches, "", "\xff"});
    changes_.reads.push_back(read);
    reads_.push_back(get.ticket);
  }
  void take(core::ReadAnswer& answer, core::Now) {
    core::JobViews views;
    for (const core::Row& row : answer.rows) views.jobs.emplace_back().queue = row.key;
    changes_.replies.push_back({reads_.at(answer.id), answer.as_of, std::move(views)});
  }
  template <class Other>
  void take(Other&, core::Now) {}

  core::Epoch epoch_;
  core::CommitSeq seq_;
  core::CommitSeq committed_ = 0;
  std::shared_ptr<core::Commit> open_ = std::make_shared<core::Commit>();
  core::Changes changes_;
  std::vector<core::Ticket> reads_;
};

}  // namespace pawl::test
