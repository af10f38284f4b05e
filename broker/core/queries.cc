#include <algorithm>

#include "broker/core/engine_state.h"

namespace pawl::core {

void Engine::State::get_jobs(const GetJobs& command) {
  with_views(command.ids, command.payloads,
             [this, ticket = command.ticket](std::vector<JobView>& views) {
               reply(ticket, JobViews{std::move(views)}, open_seq());
             });
}

void Engine::State::wait_job(const WaitJob& command) {
  const Waiter waiter{command.ticket, command.id, now.at + command.max_wait, command.payloads};
  with_views({command.id}, command.payloads,
             [this, waiter, wait = command.max_wait](std::vector<JobView>& views) {
               JobView& view = views.front();
               if (view.code != Errc::ok || is_final(view.state) || wait.count() == 0 || stopping) {
                 return reply(waiter.ticket, Waited{std::move(view)}, open_seq());
               }
               const std::uint64_t number = ++waiter_numbers;
               waiters.emplace(number, waiter);
               waiters_by_job.emplace(waiter.id, number);
               waiter_deadlines.emplace(waiter.deadline, number);
             });
}

void Engine::State::answer_wait(Ticket ticket, const JobId& id, GetJobs::Payloads payloads) {
  with_views({id}, payloads, [this, ticket](std::vector<JobView>& views) {
    reply(ticket, Waited{std::move(views.front())}, open_seq());
  });
}

void Engine::State::wake_waiters(const Batch& batch, const IndexSet& jobs) {
  jobs.for_each([&](JobIndex index) {
    const auto [from, to] = waiters_by_job.equal_range(batch.id.job(index));
    for (auto at = from; at != to; ++at) {
      const Waiter waiter = waiters.at(at->second);
      waiter_deadlines.erase({waiter.deadline, at->second});
      waiters.erase(at->second);
      answer_wait(waiter.ticket, waiter.id, waiter.payloads);
    }
    waiters_by_job.erase(from, to);
  });
}

void Engine::State::end_waits(Timestamp until) {
  while (!waiter_deadlines.empty() && waiter_deadlines.begin()->first <= until) {
    const std::uint64_t number = waiter_deadlines.begin()->second;
    const Waiter waiter = waiters.at(number);
    waiter_deadlines.erase(waiter_deadlines.begin());
    waiters.erase(number);
    std::erase_if(waiters_by_job, [&](const auto& entry) { return entry.second == number; });
    answer_wait(waiter.ticket, waiter.id, waiter.payloads);
  }
}

void Engine::State::forget_waits(ConnectionId connection) {
  std::erase_if(waiters, [&](const auto& entry) {
    if (entry.second.ticket.connection != connection) return false;
    waiter_deadlines.erase({entry.second.deadline, entry.first});
    std::erase_if(waiters_by_job, [&](const auto& by_job) { return by_job.second == entry.first; });
    return true;
  });
}

QueueCounts Engine::State::count(const Queue& queue) const {
  QueueCounts counted;
  counted.queue = *queue.name;
  counted.scheduled = queue.counts.scheduled;
  counted.processing = queue.leased;
  counted.pending = queue.counts.waiting - queue.leased;
  counted.retrying = queue.counts.retrying;
  counted.completed = queue.counts.completed;
  counted.failed = queue.counts.failed;
  counted.cancelled = queue.counts.cancelled;
  for (const auto& [number, lane] : queue.lanes) {
    if (lane->empty()) continue;
    ++counted.lanes;
    if (!lane->has_waiting() && lane->all_loaded()) continue;
    counted.oldest_pending = std::max(counted.oldest_pending, now.at - time_of(lane->age()));
  }
  if (counted.pending == 0) counted.oldest_pending = Milliseconds{0};
  return counted;
}

void Engine::State::queue_stats(const QueueStats& command) {
  Counted counted;
  for (const auto& [number, queue] : names.queues()) {
    if (queue->ns != command.ns) continue;
    const bool asked = command.queues.empty() ||
                       std::find(command.queues.begin(), command.queues.end(), *queue->name) !=
                           command.queues.end();
    if (asked) counted.queues.push_back(count(*queue));
  }
  std::sort(counted.queues.begin(), counted.queues.end(),
            [](const QueueCounts& a, const QueueCounts& b) { return a.queue < b.queue; });
  reply(command.ticket, std::move(counted), open_seq());
}

}  // namespace pawl::core
