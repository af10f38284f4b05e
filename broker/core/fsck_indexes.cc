// Names, lanes, leases, lists and counts agree with the jobs.

#include <tuple>

#include "broker/core/bytes_io.h"
#include "broker/core/fsck_books.h"

namespace pawl::core {

void Fsck::Books::check_names() {
  if (!engine) {
    if (!queues.empty() || !batches.empty()) found("the engine's record is missing in meta");
    return;
  }
  if (!queues.empty() && queues.rbegin()->first > engine->queue)
    found("a queue's number is beyond the last one given");
  if (!types.empty() && types.rbegin()->first > engine->type)
    found("a type's number is beyond the last one given");
  std::set<std::pair<std::string, std::string>> names;
  for (const auto& [number, name] : queues) {
    if (!names.emplace(name.ns, name.name).second) found("queue " + name.name + " has two numbers");
  }
  std::set<std::string> type_names;
  for (const auto& [number, name] : types) {
    if (!type_names.insert(name).second) found("type " + name + " has two numbers");
  }
}

void Fsck::Books::check_lanes() {
  std::set<std::tuple<QueueNumber, TypeNumber, std::uint8_t, std::string>> names;
  for (const auto& [number, lane] : lanes) {
    const std::string name = "lane " + std::to_string(number);
    if (engine && number > engine->lane) found(name + " is beyond the last one given");
    if (engine && lane.tail > engine->sequence) found(name + " ends beyond the last sequence");
    if (queues.count(lane.queue) == 0) found(name + " is of an unknown queue");
    if (types.count(lane.type) == 0) found(name + " is of an unknown type");
    if (!names.emplace(lane.queue, lane.type, lane.priority, lane.key).second)
      found(name + " is there twice");
  }
}

void Fsck::Books::check_leases() {
  for (const auto& [token, grant] : grants) {
    if (sessions.count(grant.session) == 0)
      found("grant " + std::to_string(token.value) + " has no session");
    for (const LeasedJobs& leased : grant.jobs) check_leased(token, leased);
  }
}

void Fsck::Books::check_leased(Token token, const LeasedJobs& leased) {
  const std::string name = "grant " + std::to_string(token.value) + " holds ";
  const auto known = batches.find(leased.batch);
  if (known == batches.end() || !known->second.envelope)
    return found(name + "jobs of a batch that is gone");
  Batch& batch = known->second;
  if (lanes.count(leased.lane) == 0) found(name + "jobs of a lane that is gone");
  if (leased.jobs.intersects(batch.leased)) found(name + "a job that another grant holds too");
  batch.leased.insert(leased.jobs);
  leased.jobs.for_each([&](JobIndex index) {
    const auto own = batch.own.find(index);
    const bool stands_ready =
        own == batch.own.end()
            ? batch.waiting.contains(index)
            : own->second.state == JobState::pending || own->second.state == JobState::processing;
    if (!stands_ready)
      found(name + "job " + text_of(leased.batch.job(index)) + ", which is not ready");
  });
}

void Fsck::Books::expect_listed(const keys::Listing& listing, const IndexSet& jobs) {
  listed_expected[keys::listed(listing)].insert(jobs);
}

void Fsck::Books::check_listed() {
  const auto name = [](const std::string& key) {
    Reader reader(key);
    const QueueNumber queue = reader.be32();
    const auto state = static_cast<std::size_t>(reader.u8());
    reader.be64();
    return "batch " + text_of(reader.id()) + " in queue " + std::to_string(queue) + " as " +
           std::string(state < kJobStateCount ? to_string(static_cast<JobState>(state)) : "?");
  };
  for (const auto& [key, jobs] : listed) {
    const auto expected = listed_expected.find(key);
    if (expected == listed_expected.end())
      found("a list names " + name(key) + ", and it is not");
    else if (expected->second != jobs)
      found("a list names other jobs of " + name(key) + " than there are");
  }
  for (const auto& [key, jobs] : listed_expected) {
    if (listed.count(key) == 0) found("no list names " + name(key));
  }
}

void Fsck::Books::check_dead() {
  for (const std::string& key : dead) {
    Reader reader(key);
    const QueueNumber queue = reader.be32();
    const Timestamp at = timestamp_from_ms(reader.be64());
    const JobId id = reader.id();
    const auto batch = batches.find(id.batch());
    const bool failed = batch != batches.end() && batch->second.own.count(id.index()) != 0 &&
                        batch->second.own.at(id.index()).state == JobState::failed &&
                        batch->second.own.at(id.index()).finished_at == at &&
                        batch->second.own.at(id.index()).queue == queue;
    if (!failed) found("job " + text_of(id) + " is a dead letter and has not failed then");
  }
}

void Fsck::Books::check_counts() {
  std::map<QueueNumber, CountsRecord> counted;
  for (const auto& [id, states] : report.states) {
    const Batch& batch = batches.at(id);
    const QueueNumber queue =
        batch.envelope ? batch.envelope->queue : batch.own.begin()->second.queue;
    for (const JobState state : states) {
      if (state != JobState::none) ++counted[queue].of(state);
    }
  }
  for (const auto& [number, name] : queues) {
    const std::string is = counted[number].encode();
    if (is == counts[number].encode()) continue;
    const auto text = [](const CountsRecord& c) {
      return std::to_string(c.waiting) + " waiting, " + std::to_string(c.scheduled) +
             " scheduled, " + std::to_string(c.retrying) + " retrying, " +
             std::to_string(c.completed) + " completed, " + std::to_string(c.failed) + " failed, " +
             std::to_string(c.cancelled) + " cancelled";
    };
    found("queue " + name.name + " has " + text(counted[number]) + "; its counts say " +
          text(counts[number]));
  }
}

}  // namespace pawl::core
