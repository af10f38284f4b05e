#include "tests/simulation/producer.h"

#include <algorithm>
#include <functional>
#include <string>

#include "broker/core/bytes_io.h"

namespace pawl::simulation {

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kTriesMax = 8;

}  // namespace

void Producer::start() {
  connection_ = network_.open(*this);
  make_one();
}

void Producer::heal() {
  healed_ = true;
  frozen_ = false;
}

void Producer::make_one() {
  if (made_ >= plan_.batches) return;
  if (frozen_) return events_.after(Micros{100ms}, [this] { make_one(); });
  ++made_;
  core::Enqueue command = make_batch();
  const core::BatchId id = command.batch;
  for (core::JobIndex i = 0; i < command.job_count; ++i) jobs_.push_back(id.job(i));
  open_.emplace(id, Open{std::move(command), 0});
  send(id);
  events_.after(healed_ ? Micros{0} : chance_.around(plan_.enqueue_every), [this] { make_one(); });
}

core::BatchId Producer::make_id() {
  std::uint64_t at = core::to_ms(server_.now().at);
  if (chance_.percent(5)) at += chance_.below(50'000);
  if (chance_.percent(5)) at -= chance_.spread(3'600'000);
  if (chance_.percent(2)) at += 100'000;            // Too far ahead.
  if (chance_.percent(2)) at -= 25 * 3'600'000ULL;  // Too old.
  return {(at << 16) | (7ULL << 12) | chance_.below(4096),
          (2ULL << 62) | ((chance_.next() << 14) >> 2 & ~core::JobId::kIndexMask)};
}

core::Enqueue Producer::make_batch() {
  core::Enqueue command;
  command.batch = make_id();
  command.ns = chance_.pick(plan_.namespaces);
  command.queue = chance_.pick(plan_.queues);
  command.job_count = static_cast<std::uint16_t>(1 + chance_.spread(plan_.jobs_max - 1));
  command.defaults = core::Blob::copy_of(std::string(chance_.below(20), 'D'));
  std::string jobs;
  core::Writer writer(jobs);
  for (std::size_t i = 0; i < command.job_count; ++i) {
    std::string payload;
    core::Writer(payload).id(command.batch.job(static_cast<core::JobIndex>(i)));
    payload.append(chance_.spread(plan_.payload_max), 'p');
    writer.u8(0x7a).str(payload);
  }
  command.hash = std::hash<std::string>{}(jobs) ^ command.batch.low;
  command.jobs = core::Blob::copy_of(jobs);
  fill_groups(command);
  return command;
}

// Deals the jobs out to some groups, and a few to the refused.
void Producer::fill_groups(core::Enqueue& command) {
  const bool many = plan_.groups_max > 4;
  const std::size_t groups =
      chance_.percent(60) && !many ? 1 : chance_.between(1, plan_.groups_max);
  for (std::size_t i = 0; i < groups; ++i) command.groups.push_back(make_group());
  const bool refuses = command.job_count > 1 && chance_.percent(10);
  for (core::JobIndex index = 0; index < command.job_count; ++index) {
    if (refuses && index > 0 && chance_.percent(20)) {
      command.refused.push_back({index, core::Errc::too_large, "too large"});
    } else {
      command.groups[index == 0 ? 0 : chance_.below(groups)].jobs.insert(index);
    }
  }
  std::erase_if(command.groups, [](const core::JobGroup& group) { return group.jobs.empty(); });
}

core::JobGroup Producer::make_group() {
  core::JobGroup group;
  group.type = chance_.pick(plan_.types);
  group.priority = static_cast<std::uint8_t>(chance_.percent(70) ? 5 : chance_.below(10));
  if (plan_.keys > 1) group.key = "k" + std::to_string(chance_.below(plan_.keys));
  if (group.key.size() < plan_.key_bytes) group.key.resize(plan_.key_bytes, 'k');
  if (chance_.percent(50))
    group.options.max_attempts = static_cast<std::uint32_t>(chance_.between(1, plan_.attempts_max));
  if (chance_.percent(20)) group.options.retention = core::Milliseconds{chance_.spread(60'000)};
  if (chance_.percent(20)) group.options.backoff = core::Milliseconds{chance_.between(1, 500)};
  if (!chance_.percent(plan_.due_percent)) return group;
  const core::Milliseconds wait =
      std::chrono::duration_cast<core::Milliseconds>(chance_.spread(plan_.due_max));
  if (chance_.percent(60)) {
    group.due = {core::Due::Kind::delay, wait, {}};
  } else {
    group.due = {core::Due::Kind::run_at, {}, server_.now().wall + wait};
  }
  return group;
}

void Producer::send(const core::BatchId& id) {
  const auto found = open_.find(id);
  if (found == open_.end()) return;
  if (frozen_) return again(id);
  if (++found->second.sent > kTriesMax && !healed_) {  // It may have been accepted or not.
    open_.erase(found);
    return;
  }
  core::Enqueue command = found->second.command;
  command.ticket = {connection_, ++requests_};
  asked_[command.ticket] = id;
  network_.send(connection_, std::move(command));
}

void Producer::send_conflict(const core::Enqueue& command) {
  // What was not on disk may be gone, and then its id is free again.
  const core::QueueSettings& queue = plan_.settings.of(command.ns, command.queue);
  if (queue.durability == core::Durability::written) return;
  core::Enqueue other = command;
  if (chance_.percent(50)) {
    other.hash ^= 1;
  } else {
    other.queue = "another";
  }
  other.ticket = {connection_, ++requests_};
  network_.send(connection_, std::move(other));
}

void Producer::again(const core::BatchId& id) {
  events_.after(chance_.between(Micros{1ms}, Micros{500ms}), [this, id] { send(id); });
}

void Producer::answered(core::ConnectionId, const core::Reply& reply) {
  const auto asked = asked_.find(reply.ticket);
  if (asked == asked_.end()) return;
  const core::BatchId id = asked->second;
  asked_.erase(asked);
  const auto found = open_.find(id);
  if (found == open_.end()) return;
  if (const auto* refused = std::get_if<core::Refused>(&reply.body)) {
    if (core::retryable(refused->code)) return again(id);
    open_.erase(found);
    return;
  }
  if (!healed_ && chance_.percent(3)) send_conflict(found->second.command);
  if (!healed_ && chance_.percent(10)) return again(id);  // As if the reply had been lost.
  open_.erase(found);
}

void Producer::cut(core::ConnectionId connection) {
  if (connection != connection_) return;
  network_.close(connection_);
  connection_ = 0;
  asked_.clear();
  events_.after(chance_.between(Micros{1ms}, Micros{500ms}), [this] {
    connection_ = network_.open(*this);
    std::vector<core::BatchId> unknown;
    for (const auto& [id, open] : open_) unknown.push_back(id);
    for (const core::BatchId& id : unknown) send(id);
  });
}

}  // namespace pawl::simulation
