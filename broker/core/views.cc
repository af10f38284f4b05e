#include <algorithm>

#include "broker/core/assert.h"
#include "broker/core/engine_state.h"
#include "broker/core/stored_batch.h"

namespace pawl::core {

namespace {

// Payloads and results of one reply; what does not fit any more is answered too_large.
constexpr std::size_t kViewsBytesMax = 3 << 20;

std::vector<Range> ranges_of(const std::vector<JobId>& ids, GetJobs::Payloads payloads) {
  const std::set<JobId> jobs(ids.begin(), ids.end());
  std::set<BatchId> batches;
  for (const JobId& id : jobs) batches.insert(id.batch());
  std::vector<Range> ranges;
  for (const BatchId& batch : batches) {
    if (payloads == GetJobs::Payloads::with) {
      ranges.push_back(keys::of_batch(Table::batches, batch));
    } else {
      ranges.push_back({Table::batches, keys::batch_part(batch, 0), keys::batch_part(batch, 1)});
    }
    ranges.push_back(keys::of_batch(Table::outcomes, batch));
  }
  for (const JobId& id : jobs) {
    ranges.push_back(keys::of_job(Table::jobs, id));
    if (payloads == GetJobs::Payloads::with) ranges.push_back(keys::of_job(Table::results, id));
  }
  return ranges;
}

void limit_bytes(std::vector<JobView>& views) {
  std::size_t bytes = 0;
  for (JobView& view : views) {
    const std::size_t own = view.result.size() + view.record.size() + view.defaults.size();
    if (bytes + own > kViewsBytesMax && bytes > 0) {
      JobView refused;
      refused.id = view.id;
      refused.code = Errc::too_large;
      view = std::move(refused);
      continue;
    }
    bytes += own;
  }
}

}  // namespace

// Runs `user` with a view of each job, as of that moment, in the order asked.
void Engine::State::with_views(std::vector<JobId> ids, GetJobs::Payloads payloads, ViewsUser user) {
  Read read;
  read.ranges = ranges_of(ids, payloads);
  read.bytes_max = SIZE_MAX;
  const std::vector<Range> ranges = read.ranges;
  reads.ask(std::move(read),
            [this, ranges, payloads, asked = std::move(ids), use = std::move(user)](View& view) {
              const auto stored = group_by_batch(view, ranges);
              static const StoredBatch kNothing;
              std::vector<JobView> views;
              std::map<std::size_t, std::string> agenda_keys;
              for (const JobId& id : asked) {
                const auto found = stored.find(id.batch());
                const StoredBatch& batch = found == stored.end() ? kNothing : found->second;
                views.push_back(view_of(id, batch, payloads));
                if (views.back().state != JobState::scheduled) continue;
                for (const GroupRecord& group : batch.head->envelope.groups) {
                  if (!group.jobs.contains(id.index())) continue;
                  agenda_keys[views.size() - 1] =
                      keys::agenda(group.clock, group.due_ms, id.job(group.jobs.first()));
                }
              }
              limit_bytes(views);
              settle_scheduled(std::move(views), std::move(agenda_keys), use);
            });
}

// A job with a due time is scheduled as long as its run stands in the agenda, and pending after.
void Engine::State::settle_scheduled(std::vector<JobView> views,
                                     std::map<std::size_t, std::string> agenda_keys,
                                     ViewsUser user) {
  std::erase_if(agenda_keys, [&](const auto& entry) {
    auto& agenda = agenda_of(static_cast<keys::AgendaClock>(entry.second.front()));
    return agenda.find(entry.second) != nullptr;
  });
  if (agenda_keys.empty()) return user(views);
  std::set<std::string> wanted;
  for (const auto& [index, key] : agenda_keys) wanted.insert(key);
  Read read;
  for (const std::string& key : wanted) read.ranges.push_back({Table::agenda, key, key + '\0'});
  reads.ask(std::move(read), [this, all = std::move(views), open_keys = std::move(agenda_keys),
                              use = std::move(user)](View& view) mutable {
    std::set<std::string> standing;
    for (const View::Row& row : view.rows) standing.insert(row.key);
    for (const auto& [index, key] : open_keys) {
      if (standing.count(key) != 0) continue;
      const Lease lease = find_lease(all[index].id);
      all[index].state = lease.grant != nullptr ? JobState::processing : JobState::pending;
      all[index].due_at_ms = 0;
    }
    use(all);
  });
}

Engine::State::Lease Engine::State::find_lease(const JobId& id) const {
  const auto search = [&](const auto& tokens) -> Lease {
    for (const Token token : tokens) {
      const auto found = sessions.grants().find(token);
      if (found == sessions.grants().end()) continue;
      for (const GrantPart& part : found->second.parts) {
        if (part.leased.batch == id.batch() && part.leased.jobs.contains(id.index())) {
          return {&found->second, part.leased.attempt};
        }
      }
    }
    return {};
  };
  if (const auto restored = restored_leases.find(id.batch()); restored != restored_leases.end()) {
    return search(restored->second);
  }
  const BatchPtr batch = batches.find(id.batch());
  return batch == nullptr ? Lease{} : search(batch->tokens);
}

JobView Engine::State::view_of(const JobId& id, const StoredBatch& stored,
                               GetJobs::Payloads payloads) const {
  JobView view;
  view.id = id;
  view.code = Errc::not_found;
  const auto own = stored.own.find(id.index());
  const GroupRecord* group = nullptr;
  if (stored.head) {
    for (const GroupRecord& candidate : stored.head->envelope.groups) {
      if (candidate.jobs.contains(id.index())) group = &candidate;
    }
  } else if (own != stored.own.end() && own->second.group) {
    group = &*own->second.group;
  }
  if (group == nullptr) return view;
  view.code = Errc::ok;
  const Queue& queue = names.queue(stored.head ? stored.head->envelope.queue : own->second.queue);
  view.ns = queue.ns;
  view.queue = *queue.name;
  view.type = names.type(group->type);
  view.priority = group->priority;
  view.key = group->key;
  view.max_attempts = group->options.max_attempts;
  view.accepted_at = stored.head ? stored.head->envelope.accepted_at : own->second.accepted_at;
  if (own != stored.own.end()) {
    view_own(view, own->second);
  } else {
    view_plain(view, *group, stored);
  }
  if (view.state == JobState::failed) {
    view.kept_until = view.finished_at + queue.settings->dead_retention;
  } else if (is_final(view.state)) {
    view.kept_until = view.finished_at + *group->options.retention;
  }
  if (const Lease lease = find_lease(id); lease.grant != nullptr && !is_final(view.state)) {
    const auto session = const_cast<State*>(this)->sessions.find(lease.grant->session);
    view.state = JobState::processing;
    view.attempt = lease.attempt;
    view.started_at = lease.grant->at;
    view.due_at_ms = 0;
    if (session != nullptr) {
      view.worker_id = session->worker_id;
      view.host = session->host;
    }
    view.attempts.push_back({lease.attempt,
                             lease.grant->at,
                             {},
                             view.worker_id,
                             view.host,
                             AttemptView::End::running,
                             nullptr});
  }
  if (payloads == GetJobs::Payloads::without) {
    view.result = {};
    return view;
  }
  if (const auto result = stored.results.find(id.index()); result != stored.results.end()) {
    view.result = result->second.bytes;
    view.result_type = result->second.content_type;
  }
  view.defaults = stored.head ? stored.head->defaults : own->second.defaults;
  view.record = stored.head ? stored.record_of(id.index()) : own->second.record;
  return view;
}

void Engine::State::view_own(JobView& view, const JobRecord& own) const {
  view.state = own.state == JobState::processing ? JobState::pending : own.state;
  view.attempt = own.attempt;
  view.due_at_ms = own.state == JobState::retrying ? own.due_ms : 0;
  view.finished_at = own.finished_at;
  view.cancel_requested = own.cancel_requested;
  view.attempts = own.attempts;
  view.result = own.result;
  view.result_type = own.result_type;
  if (own.attempts.empty()) return;
  const AttemptView& last = own.attempts.back();
  view.started_at = last.started_at;
  view.worker_id = last.worker_id;
  view.host = last.host;
  for (const AttemptView& attempt : own.attempts) {
    if (attempt.failure != nullptr) view.failure = attempt.failure;
  }
}

void Engine::State::view_plain(JobView& view, const GroupRecord& group,
                               const StoredBatch& stored) const {
  const OutcomeEntry* entry = stored.outcome_of(view.id.index());
  if (entry == nullptr) {
    view.state = group.due_ms != 0 ? JobState::scheduled : JobState::pending;
    view.due_at_ms = group.due_ms;
    return;
  }
  view.state = entry->state;
  view.attempt = entry->attempt;
  view.started_at = entry->started_at;
  view.finished_at = entry->finished_at;
  view.worker_id = entry->worker_id;
  view.host = entry->host;
  view.result = entry->result;
  view.result_type = entry->content_type;
  if (entry->attempt == 0) return;
  view.attempts.push_back({entry->attempt, entry->started_at, entry->finished_at, entry->worker_id,
                           entry->host, AttemptView::End::done, nullptr});
}

}  // namespace pawl::core
