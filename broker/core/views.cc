#include <algorithm>

#include "broker/core/assert.h"
#include "broker/core/engine_state.h"
#include "broker/core/stored_batch.h"

namespace pawl::core {

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
  view.due_at_ms = group->due_ms;
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
  if (own.state == JobState::retrying) view.due_at_ms = own.due_ms;
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
