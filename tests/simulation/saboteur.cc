#include "tests/simulation/saboteur.h"

#include "broker/core/keys.h"
#include "broker/core/records.h"

namespace pawl::simulation {

namespace {

using Kind = Sabotage::Kind;
using core::Op;

void copy(const Op& op, bool loosely, core::Commit& into) {
  switch (op.kind) {
    case Op::Kind::put_new:
      return into.put_new(op.table, op.key, op.head, op.tail);
    case Op::Kind::put:
      return into.put(op.table, op.key, op.head, op.tail, op.expires_at);
    case Op::Kind::erase_once:
      return loosely ? into.erase(op.table, op.key) : into.erase_once(op.table, op.key);
    case Op::Kind::erase:
      return into.erase(op.table, op.key);
  }
}

bool is_put(const Op& op) {
  return op.kind == Op::Kind::put || op.kind == Op::Kind::put_new;
}

void erase_closed(const Op& op, core::Commit& into) {
  std::string value(op.head);
  value.append(op.tail.view());
  const auto closed = core::ClosedRecord::decode(value);
  if (!closed) return;
  for (const core::BatchId& batch : closed->batches)
    into.erase(core::Table::batches, core::keys::batch_part(batch, 0));
}

}  // namespace

std::shared_ptr<const core::Commit> Saboteur::instead_of(const core::Commit& commit) const {
  if (!does(Kind::drop_puts) && !does(Kind::ignore_synced) && !does(Kind::erase_early))
    return nullptr;
  auto made = std::make_shared<core::Commit>();
  made->seq = commit.seq;
  made->at = commit.at;
  made->synced = commit.synced && !does(Kind::ignore_synced);
  for (const Op& op : commit.ops()) {
    const bool of_table = does(Kind::drop_puts) && op.table == sabotage_.table;
    if (of_table && is_put(op)) continue;
    copy(op, of_table || does(Kind::erase_early), *made);
    if (does(Kind::erase_early) && op.table == core::Table::closed && is_put(op))
      erase_closed(op, *made);
  }
  return made;
}

void Saboteur::tamper(core::Command& command, const test::NaiveModel& model) {
  if (auto* enqueue = std::get_if<core::Enqueue>(&command);
      enqueue != nullptr && does(Kind::let_duplicates_through)) {
    if (!seen_.insert(enqueue->batch).second) enqueue->batch.low ^= ++copies_ << 12;
  }
  auto* report = std::get_if<core::Report>(&command);
  if (report == nullptr || !does(Kind::newest_token)) return;
  for (core::Outcome& outcome : report->outcomes) {
    const auto batch = model.batches().find(outcome.batch);
    if (batch == model.batches().end() || outcome.jobs.first() >= batch->second.jobs.size())
      continue;
    const auto& leases = batch->second.jobs[outcome.jobs.first()].leases;
    if (!leases.empty()) outcome.token = leases.back().token;
  }
}

core::Now Saboteur::tamper(core::Now now) const {
  static constexpr core::Milliseconds kAhead{50};
  return does(Kind::fast_clock) ? core::Now{now.at + kAhead, now.wall + kAhead} : now;
}

}  // namespace pawl::simulation
