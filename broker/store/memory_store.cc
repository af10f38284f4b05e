#include "broker/store/memory_store.h"

#include <utility>

#include <fmt/format.h>

#include "broker/store/answer_rows.h"
#include "broker/store/caps.h"

namespace pawl::store {

Owner MemoryStore::acquire(core::ShardId shard_id) {
  const std::lock_guard lock(mutex_);
  Shard& shard = shards_[shard_id];
  ++shard.owner.epoch;
  shard.epoch = Shard::Epoch::running;
  // A new owner is durable before anything is read, and with it everything that it finds.
  shard.tail.clear();
  return shard.owner;
}

Committed MemoryStore::commit(core::ShardId shard_id, core::Epoch epoch,
                              const core::Commit& commit) {
  const std::lock_guard lock(mutex_);
  Shard& shard = shards_[shard_id];
  if (shard.epoch == Shard::Epoch::over || epoch != shard.owner.epoch) {
    return {Outcome::fenced, "the epoch is over"};
  }
  Committed result = write(shard, commit);
  if (result.outcome != Outcome::durable) shard.epoch = Shard::Epoch::over;
  return result;
}

Committed MemoryStore::write(Shard& shard, const core::Commit& commit) {
  const Fault fault = next_fault();
  if (fault == Fault::rejected) return {Outcome::rejected, "injected"};
  if (fault == Fault::fenced) return {Outcome::fenced, "injected"};
  if (fault == Fault::unknown_lost) return {Outcome::unknown, "injected"};
  if (std::string why = refusal(shard, commit); !why.empty()) return {Outcome::rejected, why};

  Undo undo{shard.owner, {}};
  if (std::string why = apply(shard, commit, undo); !why.empty()) {
    roll_back(shard, undo);
    return {Outcome::rejected, why};
  }
  if (commit.synced) {
    shard.tail.clear();
  } else if (options_.crashes == MemoryOptions::Crashes::possible) {
    shard.tail.push_back(std::move(undo));
  }
  if (fault == Fault::unknown_applied) return {Outcome::unknown, "injected"};
  return {};
}

std::string MemoryStore::refusal(const Shard& shard, const core::Commit& commit) const {
  if (commit.seq != shard.owner.last + 1) {
    return fmt::format("commit {} does not follow {}", commit.seq, shard.owner.last);
  }
  return violation_of(options_.caps, commit);
}

std::string MemoryStore::apply(Shard& shard, const core::Commit& commit, Undo& undo) {
  for (const core::Op& op : commit.ops()) {
    if (std::string why = apply(shard, op, undo); !why.empty()) return why;
  }
  shard.owner.last = commit.seq;
  shard.owner.at = std::max(shard.owner.at, commit.at);
  return {};
}

std::string MemoryStore::apply(Shard& shard, const core::Op& op, Undo& undo) {
  Rows& rows = shard.tables[static_cast<std::size_t>(op.table)];
  const auto found = rows.find(op.key);
  const bool present = found != rows.end();
  if (op.kind == core::Op::Kind::put_new && present) {
    return fmt::format("put_new of a key that is in table {}", core::to_string(op.table));
  }
  if (op.kind == core::Op::Kind::erase_once && (!present || found->second.overwritten)) {
    return fmt::format("erase_once of a key that was not put once in table {}",
                       core::to_string(op.table));
  }
  Before before{op.table, std::string(op.key), std::nullopt};
  if (present) before.value = std::move(found->second);
  undo.rows.push_back(std::move(before));
  if (op.kind == core::Op::Kind::erase || op.kind == core::Op::Kind::erase_once) {
    if (present) rows.erase(found);
    return {};
  }
  Value value{std::string(op.head).append(op.tail.view()), op.expires_at, present};
  if (present) {
    found->second = std::move(value);
  } else {
    rows.emplace(op.key, std::move(value));
  }
  return {};
}

void MemoryStore::roll_back(Shard& shard, Undo& undo) {
  for (auto before = undo.rows.rbegin(); before != undo.rows.rend(); ++before) {
    Rows& rows = shard.tables[static_cast<std::size_t>(before->table)];
    if (before->value) {
      rows.insert_or_assign(before->key, std::move(*before->value));
    } else {
      rows.erase(before->key);
    }
  }
  const core::Epoch epoch = shard.owner.epoch;
  shard.owner = undo.owner;
  shard.owner.epoch = epoch;
}

ReadResult MemoryStore::read(core::ShardId shard_id, const core::Read& read) {
  const std::lock_guard lock(mutex_);
  if (!read_failure_.empty()) return {false, std::exchange(read_failure_, {}), {}};

  const Shard& shard = shards_[shard_id];
  AnswerRows answer(read);
  for (std::uint32_t i = 0; i < read.ranges.size(); ++i) {
    const core::Range& range = read.ranges[i];
    const Rows& rows = shard.tables[static_cast<std::size_t>(range.table)];
    for (auto row = rows.lower_bound(range.from); row != rows.end() && row->first < range.to;
         ++row) {
      const core::Timestamp expires_at = row->second.expires_at;
      const bool expired = expires_at != core::Timestamp{} && expires_at <= shard.owner.at;
      if (!expired && !answer.add(i, row->first, row->second.bytes)) {
        return {true, {}, answer.take(shard.owner.last)};
      }
    }
  }
  return {true, {}, answer.take(shard.owner.last)};
}

Space MemoryStore::space() const {
  const std::lock_guard lock(mutex_);
  return space_;
}

MemoryStore::Fault MemoryStore::next_fault() {
  if (faults_.empty()) return Fault::none;
  const Fault fault = faults_.front();
  faults_.pop_front();
  return fault;
}

void MemoryStore::inject(Fault fault) {
  const std::lock_guard lock(mutex_);
  faults_.push_back(fault);
}

void MemoryStore::fail_next_read(std::string why) {
  const std::lock_guard lock(mutex_);
  read_failure_ = std::move(why);
}

void MemoryStore::set_space(Space space) {
  const std::lock_guard lock(mutex_);
  space_ = space;
}

void MemoryStore::crash(std::size_t tail_kept) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, shard] : shards_) {
    while (shard.tail.size() > tail_kept) {
      roll_back(shard, shard.tail.back());
      shard.tail.pop_back();
    }
    shard.tail.clear();
    shard.epoch = Shard::Epoch::over;
  }
}

std::size_t MemoryStore::unsynced(core::ShardId shard_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = shards_.find(shard_id);
  return found == shards_.end() ? 0 : found->second.tail.size();
}

}  // namespace pawl::store
