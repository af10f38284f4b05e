#include <algorithm>

#include "broker/core/assert.h"
#include "broker/core/engine_state.h"

namespace pawl::core {

void Engine::State::get_jobs(const GetJobs& command) {
  const std::size_t bytes = bytes_of(command);
  if (!may_wait(command.ticket, bytes)) return;
  with_views(
      command.ids, command.payloads,
      [this, ticket = command.ticket, held = hold_bytes(bytes)](std::vector<JobView>& views) {
        reply(ticket, JobViews{std::move(views)}, open_seq());
      });
}

void Engine::State::wait_job(const WaitJob& command) {
  if (!may_wait(command.ticket, bytes_of(command))) return;
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
               waiters_by_connection.emplace(waiter.ticket.connection, number);
               waiter_deadlines.emplace(waiter.deadline, number);
             });
}

void Engine::State::answer_wait(const Waiter& waiter) {
  with_views({waiter.id}, waiter.payloads,
             [this, ticket = waiter.ticket](std::vector<JobView>& views) {
               reply(ticket, Waited{std::move(views.front())}, open_seq());
             });
}

Engine::State::Waiter Engine::State::take_waiter(std::uint64_t number) {
  const auto found = waiters.find(number);
  PAWL_ASSERT(found != waiters.end());
  const Waiter waiter = found->second;
  waiters.erase(found);
  waiters_by_job.erase({waiter.id, number});
  waiters_by_connection.erase({waiter.ticket.connection, number});
  waiter_deadlines.erase({waiter.deadline, number});
  return waiter;
}

void Engine::State::wake_waiters(const Batch& batch, const IndexSet& jobs) {
  jobs.for_each([&](JobIndex index) {
    const JobId id = batch.id.job(index);
    for (;;) {
      const auto next = waiters_by_job.lower_bound({id, 0});
      if (next == waiters_by_job.end() || next->first != id) return;
      answer_wait(take_waiter(next->second));
    }
  });
}

void Engine::State::end_waits(Timestamp until) {
  while (!waiter_deadlines.empty() && waiter_deadlines.begin()->first <= until) {
    answer_wait(take_waiter(waiter_deadlines.begin()->second));
  }
}

void Engine::State::forget_waits(ConnectionId connection) {
  for (;;) {
    const auto next = waiters_by_connection.lower_bound({connection, 0});
    if (next == waiters_by_connection.end() || next->first != connection) return;
    take_waiter(next->second);
  }
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
    if (queue->ns != command.ns || !queue->stored) continue;
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
