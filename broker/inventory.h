#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "broker/core/fsck.h"
#include "broker/core/job_state.h"
#include "broker/core/records.h"
#include "broker/offline_store.h"

namespace pawl {

// What a directory holds, by queue and by job.
class Inventory {
 public:
  using Counts = std::array<std::uint64_t, core::kJobStateCount>;  // By state.
  struct Job {
    core::JobId id;
    core::JobState state = core::JobState::none;
    core::QueueNumber queue = 0;
    core::TypeNumber type = 0;
  };

  // Reads everything once. Throws DamagedStore.
  explicit Inventory(const OfflineStore& store);

  const std::map<core::QueueNumber, Counts>& counts() const { return counts_; }
  const core::QueueName& queue_name(core::QueueNumber queue) { return queues_[queue]; }
  const std::string& type_name(core::TypeNumber type) { return types_[type]; }
  // Every job, by id.
  void each_job(const std::function<void(const Job& job)>& visit) const;
  // What the tables say of each other.
  const core::FsckReport& report() const { return report_; }

 private:
  struct Facts {
    core::QueueNumber queue = 0;
    std::vector<core::GroupRecord> groups;
  };

  void learn(core::Table table, std::string_view key, const core::Blob& value);
  void learn_name(std::string_view key, std::string_view value);
  const Facts* facts_of(const core::JobId& id) const;
  void learn_batch(std::string_view key, const core::Blob& value);

  core::FsckReport report_;
  std::map<core::QueueNumber, core::QueueName> queues_;
  std::map<core::TypeNumber, std::string> types_;
  std::map<core::BatchId, Facts> facts_;
  std::map<core::JobId, Facts> own_;  // Jobs that outlived their batch.
  std::map<core::QueueNumber, Counts> counts_;
};

}  // namespace pawl
