#include "broker/inventory.h"

#include "broker/core/bytes_io.h"

namespace pawl {
namespace {

core::JobId id_of(std::string_view key) {
  core::Reader reader(key);
  const std::uint64_t high = reader.be64();
  return {high, reader.be64()};
}

core::TypeNumber type_of(const std::vector<core::GroupRecord>& groups, core::JobIndex index) {
  for (const core::GroupRecord& group : groups) {
    if (group.jobs.contains(index)) return group.type;
  }
  return 0;
}

}  // namespace

Inventory::Inventory(const OfflineStore& store) {
  core::Fsck fsck;
  for (std::size_t i = 0; i < core::kTableCount; ++i) {
    const auto table = static_cast<core::Table>(i);
    store.each(table, [&](std::string_view key, const core::Blob& value) {
      fsck.add(table, key, value);
      learn(table, key, value);
    });
  }
  report_ = fsck.finish();
  for (const auto& [queue, name] : queues_) counts_[queue];
  each_job([&](const Job& job) { ++counts_[job.queue][static_cast<std::size_t>(job.state)]; });
}

void Inventory::learn(core::Table table, std::string_view key, const core::Blob& value) {
  if (table == core::Table::meta) return learn_name(key, value.view());
  if (table == core::Table::batches) return learn_batch(key, value);
  if (table != core::Table::jobs) return;
  auto record = core::JobRecord::decode(value);
  if (!record || !record->group) return;
  const core::JobId id = id_of(key);
  record->group->jobs = core::IndexSet::single(id.index());
  own_[id] = {record->queue, {*record->group}};
}

void Inventory::learn_name(std::string_view key, std::string_view value) {
  if (key.empty()) return;
  core::Reader reader(key.substr(1));
  if (key.front() == 'q') {
    if (auto name = core::QueueName::decode(value)) queues_[reader.be32()] = std::move(*name);
  } else if (key.front() == 't') {
    if (auto name = core::decode_type_name(value)) types_[reader.be32()] = std::move(*name);
  }
}

void Inventory::learn_batch(std::string_view key, const core::Blob& value) {
  if (!key.ends_with(std::string_view("\0\0", 2))) return;  // Only part 0 has the envelope.
  auto head = core::decode_batch_head(value);
  if (!head) return;
  facts_[id_of(key)] = {head->envelope.queue, std::move(head->envelope.groups)};
}

void Inventory::each_job(const std::function<void(const Job& job)>& visit) const {
  for (const auto& [batch, states] : report_.states) {
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (states[i] == core::JobState::none) continue;
      const core::JobId id = batch.job(static_cast<core::JobIndex>(i));
      const Facts* facts = facts_of(id);
      if (facts == nullptr) {
        visit({id, states[i], 0, 0});
      } else {
        visit({id, states[i], facts->queue, type_of(facts->groups, id.index())});
      }
    }
  }
}

const Inventory::Facts* Inventory::facts_of(const core::JobId& id) const {
  if (const auto batch = facts_.find(id.batch()); batch != facts_.end()) return &batch->second;
  const auto own = own_.find(id);
  return own == own_.end() ? nullptr : &own->second;
}

}  // namespace pawl
