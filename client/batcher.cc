#include "client/batcher.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace pawl::client {
namespace {

// So many groups without jobs are kept, to be found again by the next job.
constexpr std::size_t kIdleGroupsMax = 64;

}  // namespace

void Batcher::add(const NewJob& job, Waiting waiting) {
  const auto it = group_of(job);
  Group& group = it->second;
  const std::size_t bytes = job_bytes_max(0, job.payload, job.options);
  if (!group.waiting.empty() && group.jobs.size() + bytes > limits_.bytes_max) {
    full_.push_back(seal(it));
  }
  const std::size_t before = group.jobs.size();
  append_job(group.jobs, {}, job.payload, job.options);
  waiting.bytes = group.jobs.size() - before;
  group.earliest = std::min(group.earliest, waiting.deadline);
  group.waiting.push_back(std::move(waiting));
  if (group.waiting.size() == limits_.jobs_max) full_.push_back(seal(it));
  list_if_idle(it);
}

std::optional<Batcher::Batch> Batcher::take() {
  if (!full_.empty()) {
    Batch batch = std::move(full_.front());
    full_.pop_front();
    return batch;
  }
  while (!ready_.empty()) {
    const auto it = groups_.find(ready_.front());
    ready_.pop_front();
    assert(it != groups_.end());
    it->second.listed = false;
    // Meanwhile its jobs may have gone as a full batch, or have expired.
    if (it->second.in_flight == 0 && !it->second.waiting.empty()) return seal(it);
  }
  return std::nullopt;
}

void Batcher::ended(const std::string& group) {
  const auto it = groups_.find(group);
  assert(it != groups_.end() && it->second.in_flight > 0);
  --it->second.in_flight;
  list_if_idle(it);
  const bool idle = it->second.in_flight == 0 && !it->second.listed;
  if (idle && groups_.size() > kIdleGroupsMax) groups_.erase(it);
}

std::vector<Batcher::Waiting> Batcher::expire(TimePoint now) {
  std::vector<Waiting> expired;
  for (auto& [key, group] : groups_) expire_group(group, now, expired);
  return expired;
}

std::vector<Batcher::Waiting> Batcher::clear() {
  std::vector<Waiting> all = expire(TimePoint::max());
  for (Batch& batch : full_)
    std::move(batch.waiting.begin(), batch.waiting.end(), std::back_inserter(all));
  full_.clear();
  ready_.clear();
  groups_.clear();
  return all;
}

TimePoint Batcher::next_deadline() const {
  TimePoint next = TimePoint::max();
  for (const auto& [key, group] : groups_) {
    next = std::min(next, group.earliest);
  }
  return next;
}

Batcher::Groups::iterator Batcher::group_of(const NewJob& job) {
  key_.assign(job.name_space);
  key_.push_back('\0');
  key_.append(job.queue);
  key_.push_back('\0');
  const std::size_t shape_at = key_.size();
  append_shape(key_, job.type, job.options);
  if (const auto it = groups_.find(std::string_view(key_)); it != groups_.end()) return it;

  Group group;
  group.head = {.name_space = std::string(job.name_space),
                .queue = std::string(job.queue),
                .mode = BatchMode::per_job,
                .shape = key_.substr(shape_at)};
  return groups_.emplace(key_, std::move(group)).first;
}

Batcher::Batch Batcher::seal(Groups::iterator it) {
  Group& group = it->second;
  ++group.in_flight;
  group.earliest = TimePoint::max();
  return {.group = it->first,
          .head = group.head,
          .jobs = std::exchange(group.jobs, {}),
          .waiting = std::exchange(group.waiting, {})};
}

void Batcher::list_if_idle(Groups::iterator it) {
  Group& group = it->second;
  if (group.listed || group.in_flight > 0 || group.waiting.empty()) return;
  group.listed = true;
  ready_.push_back(it->first);
}

void Batcher::expire_group(Group& group, TimePoint now, std::vector<Waiting>& expired) {
  if (group.earliest > now) return;
  group.earliest = TimePoint::max();
  std::vector<Waiting> kept;
  std::string jobs;
  std::size_t at = 0;
  for (Waiting& waiting : group.waiting) {
    const std::size_t bytes = waiting.bytes;
    if (waiting.deadline <= now) {
      expired.push_back(std::move(waiting));
    } else {
      jobs.append(group.jobs, at, bytes);
      group.earliest = std::min(group.earliest, waiting.deadline);
      kept.push_back(std::move(waiting));
    }
    at += bytes;
  }
  group.waiting = std::move(kept);
  group.jobs = std::move(jobs);
}

}  // namespace pawl::client
