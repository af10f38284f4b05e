#include <algorithm>
#include <set>
#include <unordered_set>

#include "broker/core/assert.h"
#include "broker/core/engine_state.h"
#include "broker/core/stored_batch.h"

namespace pawl::core {

// Jobs to be looked at. They are read in rounds of bounded size, and only so many are kept as fit
// into a reply: a thousand ids may stand for gigabytes.
struct Engine::State::ViewQuery {
  std::vector<JobId> asked;  // In the order of the answer.
  GetJobs::Payloads payloads = GetJobs::Payloads::without;
  std::size_t room = 0;  // Bytes that views may still take in the reply.
  ViewsUser user;

  std::vector<JobId> wanted;                 // Each once, those of a batch together.
  std::size_t next = 0;                      // The first that is not settled.
  std::map<JobId, std::string> agenda_keys;  // Of those whose run may still stand in the agenda.
  std::unordered_map<JobId, JobView, JobIdHash> views;
  std::size_t bytes_read = 0;
  bool first_fits = false;  // The first job has its view whatever its size.
  bool alone = false;       // The next round reads one job, whatever its size.
  bool in_turn = false;     // One of those that are counted in running_queries.
};

// What a round of a query reads: the ranges of job wanted[next + i] end before ends[i].
struct Engine::State::ViewRound {
  std::vector<Range> ranges;
  std::vector<std::size_t> ends;
};

namespace {

// One query reads no more than this: what it did not come to is too_large.
constexpr std::size_t kQueryBytesRead = 64 << 20;

// Each id once; those of a batch follow each other, the batches as they were first named.
std::vector<JobId> by_batch(const std::vector<JobId>& asked) {
  std::unordered_set<JobId, JobIdHash> seen;
  std::unordered_map<BatchId, std::size_t, JobIdHash> places;
  std::vector<std::vector<JobId>> batches;
  for (const JobId& id : asked) {
    if (!seen.insert(id).second) continue;
    const auto [place, fresh] = places.emplace(id.batch(), batches.size());
    if (fresh) batches.emplace_back();
    batches[place->second].push_back(id);
  }
  std::vector<JobId> sorted;
  for (const auto& batch : batches) sorted.insert(sorted.end(), batch.begin(), batch.end());
  return sorted;
}

std::size_t bytes_of(const Failure& failure) {
  static constexpr std::size_t kFields = 40;
  return kFields + failure.error_class.size() + failure.message.size() + failure.detail.size();
}

}  // namespace

// At least what the view takes in a reply.
std::size_t Engine::State::reply_bytes_of(const JobView& view) {
  static constexpr std::size_t kFields = 192;
  static constexpr std::size_t kAttemptFields = 64;
  std::size_t bytes = kFields + view.ns.size() + view.queue.size() + view.type.size() +
                      view.key.size() + view.worker_id.size() + view.host.size() +
                      view.result.size() + view.result_type.size() + view.defaults.size() +
                      view.record.size();
  if (view.failure != nullptr) bytes += bytes_of(*view.failure);
  for (const AttemptView& attempt : view.attempts) {
    bytes += kAttemptFields + attempt.worker_id.size() + attempt.host.size();
    if (attempt.failure != nullptr) bytes += bytes_of(*attempt.failure);
  }
  return bytes;
}

namespace {

JobView too_large(const JobId& id) {
  JobView refused;
  refused.id = id;
  refused.code = Errc::too_large;
  return refused;
}

// A view outlives the answer that it was made of, which may be much larger.
void detach(JobView& view) {
  for (Blob* blob : {&view.result, &view.defaults, &view.record}) {
    if (!blob->empty()) *blob = Blob::copy_of(blob->view());
  }
}

std::set<std::string> agenda_rows(const View& view, const std::vector<Range>& ranges) {
  std::set<std::string> keys;
  for (const View::Row& row : view.rows) {
    if (ranges[row.range].table == Table::agenda) keys.insert(row.key);
  }
  return keys;
}

}  // namespace

// Runs `user` with a view of each job in the order asked. `room` bounds their bytes; what does not
// fit any more is too_large, but never the first job when the whole of a reply is free for it.
void Engine::State::with_views(std::vector<JobId> ids, GetJobs::Payloads payloads, ViewsUser user,
                               std::size_t room) {
  const auto query = std::make_shared<ViewQuery>();
  query->asked = std::move(ids);
  query->payloads = payloads;
  query->user = std::move(user);
  query->room = room;
  query->first_fits = room == limits::kViewsBytes;
  if (query->asked.size() <= 1) {
    query->wanted = query->asked;
    return look(query);
  }
  waiting_queries.push_back(query);
  start_queries();
}

// Queries for many jobs take turns, so that what they hold is bounded.
void Engine::State::start_queries() {
  while (!waiting_queries.empty() && running_queries < settings.grain.view_queries) {
    const ViewQueryPtr query = std::move(waiting_queries.front());
    waiting_queries.pop_front();
    ++running_queries;
    query->in_turn = true;
    query->wanted = by_batch(query->asked);
    look(query);
  }
}

// Asks for the next round.
void Engine::State::look(const ViewQueryPtr& query) {
  if (query->next == query->wanted.size()) return answer_query(*query);
  ViewRound round = next_round(*query);
  Read read;
  read.ranges = round.ranges;
  read.bytes_max = query->alone ? SIZE_MAX : settings.grain.view_bytes_read;
  reads.ask(std::move(read), [this, query, asked = std::move(round)](View& view) {
    if (take_round(*query, asked, view)) return look(query);
    answer_query(*query);
  });
}

Engine::State::ViewRound Engine::State::next_round(const ViewQuery& query) {
  const bool with_payloads = query.payloads == GetJobs::Payloads::with;
  ViewRound round;
  auto& ranges = round.ranges;
  BatchId batch;
  for (std::size_t i = query.next; i < query.wanted.size(); ++i) {
    const JobId& id = query.wanted[i];
    if (i == query.next || id.batch() != batch) {
      batch = id.batch();
      ranges.push_back(with_payloads ? keys::of_batch(Table::batches, batch)
                                     : Range{Table::batches, keys::batch_part(batch, 0),
                                             keys::batch_part(batch, 1)});
      ranges.push_back(keys::of_batch(Table::outcomes, batch));
      std::set<std::string> runs;
      for (auto known = query.agenda_keys.lower_bound(batch);
           known != query.agenda_keys.end() && known->first.batch() == batch; ++known) {
        if (runs.insert(known->second).second)
          ranges.push_back({Table::agenda, known->second, known->second + '\0'});
      }
    }
    ranges.push_back(keys::of_job(Table::jobs, id));
    if (with_payloads) ranges.push_back(keys::of_job(Table::results, id));
    round.ends.push_back(ranges.size());
    if (query.alone) break;
  }
  return round;
}

// Makes views of what a round has read. True when another round is needed.
bool Engine::State::take_round(ViewQuery& query, const ViewRound& round, const View& view) {
  static const StoredBatch nothing;
  const auto stored = group_by_batch(view, round.ranges);
  const auto standing = agenda_rows(view, round.ranges);
  for (const View::Row& row : view.rows) query.bytes_read += row.value.size();
  const std::size_t begun = query.next;
  bool settled = true;
  for (std::size_t i = 0; i < round.ends.size(); ++i) {
    if (!view.complete && round.ends[i] > view.stopped_range) break;
    const JobId id = query.wanted[begun + i];
    const auto found = stored.find(id.batch());
    const StoredBatch& batch = found == stored.end() ? nothing : found->second;
    JobView made = view_of(id, batch, query.payloads);
    settled = settle_scheduled(query, made, batch, standing) && settled;
    if (!settled) continue;  // Its key is known now; the next round begins here.
    if (!admit(query, std::move(made))) return false;
    ++query.next;
  }
  query.alone = settled && query.next == begun;
  return query.bytes_read < kQueryBytesRead || query.views.empty();
}

// A job with a due time is scheduled as long as its run stands in the agenda, and pending after.
// False when that has to be read: together with the job, since both may change meanwhile.
bool Engine::State::settle_scheduled(ViewQuery& query, JobView& view, const StoredBatch& stored,
                                     const std::set<std::string>& standing) {
  if (view.state != JobState::scheduled) return true;
  const auto& groups = stored.head->envelope.groups;
  const auto group = std::find_if(groups.begin(), groups.end(), [&](const GroupRecord& candidate) {
    return candidate.jobs.contains(view.id.index());
  });
  const std::string key =
      keys::agenda(group->clock, group->due_ms, view.id.job(group->jobs.first()));
  if (agenda_of(group->clock).find(key) != nullptr || standing.count(key) != 0) return true;
  const bool was_read = !query.agenda_keys.emplace(view.id, key).second;
  if (was_read) view.state = JobState::pending;
  return was_read;
}

// Keeps a view if there is room for it in the reply.
bool Engine::State::admit(ViewQuery& query, JobView&& view) {
  const std::size_t bytes = reply_bytes_of(view);
  const bool fits = bytes <= query.room || (query.views.empty() && query.first_fits);
  if (!fits) return false;
  query.room -= std::min(query.room, bytes);
  detach(view);
  query.views.emplace(view.id, std::move(view));
  return true;
}

void Engine::State::answer_query(ViewQuery& query) {
  std::vector<JobView> views;
  views.reserve(query.asked.size());
  std::unordered_map<JobId, std::size_t, JobIdHash> places;
  for (const JobId& id : query.asked) {
    const auto [place, fresh] = places.emplace(id, views.size());
    if (const auto made = query.views.find(id); fresh && made != query.views.end()) {
      views.push_back(std::move(made->second));
      continue;
    }
    JobView again = fresh ? too_large(id) : views[place->second];
    const std::size_t bytes = reply_bytes_of(again);
    if (bytes > query.room) again = too_large(id);
    query.room -= std::min(query.room, bytes);
    views.push_back(std::move(again));
  }
  if (query.in_turn) --running_queries;
  query.user(views);
  start_queries();
}

}  // namespace pawl::core
