#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "client/state.h"
#include "client/wire_error.h"
#include <pawl/client.h>

namespace pawl::inline v1 {
namespace {

// Waits for the one outcome of an asynchronous call.
template <class T>
class Waiter {
 public:
  Callback<T> callback() {
    return [this](Result<T> result) {
      const std::lock_guard lock(mutex_);
      result_.emplace(std::move(result));
      arrived_.notify_one();  // Under the lock: once it is free the waiter may be gone.
    };
  }

  Result<T> get() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return result_.has_value(); });
    return std::move(*result_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::optional<Result<T>> result_;
};

Error waits_for_itself() {
  return Error(Errc::invalid_argument,
               "a callback of this client must not wait for it; use the async form");
}

template <class T, class State, class Start>
Result<T> wait_for(const State& state, Start start) {
  if (state.on_own_thread()) return waits_for_itself();
  Waiter<T> waiter;
  start(waiter.callback());
  return waiter.get();
}

template <class T, class Start>
std::future<T> future_of(Start start) {
  std::promise<T> promise;
  std::future<T> future = promise.get_future();
  start(Callback<T>([promise = std::move(promise)](Result<T> result) mutable {
    if (result) {
      promise.set_value(std::move(*result));
    } else {
      promise.set_exception(std::make_exception_ptr(result.error()));
    }
  }));
  return future;
}

client::Batcher::NewJob new_job(std::string_view type, std::string_view payload,
                                const Options& options) {
  return {.name_space = options.in_namespace(),
          .queue = options.queue(),
          .type = type,
          .payload = payload,
          .options = options};
}

// The answer of a call for many ids as that for the one that was asked.
Callback<std::vector<JobStatus>> only(const JobId& id, Callback<JobStatus> done) {
  return [id, done = std::move(done)](Result<std::vector<JobStatus>> jobs) mutable {
    if (!jobs) return done(jobs.error());
    if (jobs->size() != 1) return done(Error(Errc::protocol_error, "one job was asked for"));
    JobStatus& job = jobs->front();
    if (!job.found()) return done(client::not_shown_error(job.code, id));
    done(std::move(job));
  };
}

Callback<std::vector<CancelVerdict>> only(const JobId& id, Callback<JobState> done) {
  return [id, done = std::move(done)](Result<std::vector<CancelVerdict>> jobs) mutable {
    if (!jobs) return done(jobs.error());
    if (jobs->size() != 1) return done(Error(Errc::protocol_error, "one job was asked for"));
    const CancelVerdict verdict = jobs->front();
    if (verdict.code == Errc::ok) return done(verdict.state);
    if (verdict.code == Errc::not_found) return done(client::not_shown_error(verdict.code, id));
    done(Error(verdict.code, "job " + id.to_string() + " could not be cancelled"));
  };
}

}  // namespace

Client::Client(std::string_view url) : Client(ClientOptions().url(std::string(url))) {}
Client::Client(const ClientOptions& options) : state_(std::make_unique<State>(options)) {}
Client::~Client() = default;

bool Client::drain(Milliseconds within) {
  if (state_->on_own_thread()) throw waits_for_itself();
  return state_->drain(within);
}

JobId Client::enqueue(std::string_view type, std::string_view payload, const Options& options,
                      Deadline deadline) {
  return try_enqueue(type, payload, options, deadline).value();
}
Result<JobId> Client::try_enqueue(std::string_view type, std::string_view payload,
                                  const Options& options, Deadline deadline) {
  return wait_for<JobId>(*state_, [&](Callback<JobId> done) {
    state_->enqueue(new_job(type, payload, options), state_->terms(deadline, Admission::wait),
                    std::move(done));
  });
}
std::future<JobId> Client::future_enqueue(std::string_view type, std::string_view payload,
                                          const Options& options, Deadline deadline) {
  return future_of<JobId>([&](Callback<JobId> done) {
    async_enqueue(type, payload, options, deadline, std::move(done));
  });
}
void Client::async_enqueue(std::string_view type, std::string_view payload, const Options& options,
                           Deadline deadline, Callback<JobId> done) {
  state_->enqueue(new_job(type, payload, options), state_->terms(deadline, Admission::fail),
                  std::move(done));
}

std::vector<Enqueued> Client::enqueue_many(std::span<const Job> jobs, BatchMode mode,
                                           Deadline deadline) {
  return try_enqueue_many(jobs, mode, deadline).value();
}
Result<std::vector<Enqueued>> Client::try_enqueue_many(std::span<const Job> jobs, BatchMode mode,
                                                       Deadline deadline) {
  return wait_for<std::vector<Enqueued>>(*state_, [&](Callback<std::vector<Enqueued>> done) {
    state_->enqueue_many(jobs, mode, state_->terms(deadline, Admission::wait), std::move(done));
  });
}
std::future<std::vector<Enqueued>> Client::future_enqueue_many(std::span<const Job> jobs,
                                                               BatchMode mode, Deadline deadline) {
  return future_of<std::vector<Enqueued>>([&](Callback<std::vector<Enqueued>> done) {
    async_enqueue_many(jobs, mode, deadline, std::move(done));
  });
}
void Client::async_enqueue_many(std::span<const Job> jobs, BatchMode mode, Deadline deadline,
                                Callback<std::vector<Enqueued>> done) {
  state_->enqueue_many(jobs, mode, state_->terms(deadline, Admission::fail), std::move(done));
}

JobStatus Client::get(const JobId& id, View view, Deadline deadline) {
  return try_get(id, view, deadline).value();
}
Result<JobStatus> Client::try_get(const JobId& id, View view, Deadline deadline) {
  return wait_for<JobStatus>(*state_, [&](Callback<JobStatus> done) {
    state_->get_many({&id, 1}, view, state_->terms(deadline, Admission::wait),
                     only(id, std::move(done)));
  });
}
std::future<JobStatus> Client::future_get(const JobId& id, View view, Deadline deadline) {
  return future_of<JobStatus>(
      [&](Callback<JobStatus> done) { async_get(id, view, deadline, std::move(done)); });
}
void Client::async_get(const JobId& id, View view, Deadline deadline, Callback<JobStatus> done) {
  state_->get_many({&id, 1}, view, state_->terms(deadline, Admission::fail),
                   only(id, std::move(done)));
}

std::vector<JobStatus> Client::get_many(std::span<const JobId> ids, View view, Deadline deadline) {
  return try_get_many(ids, view, deadline).value();
}
Result<std::vector<JobStatus>> Client::try_get_many(std::span<const JobId> ids, View view,
                                                    Deadline deadline) {
  return wait_for<std::vector<JobStatus>>(*state_, [&](Callback<std::vector<JobStatus>> done) {
    state_->get_many(ids, view, state_->terms(deadline, Admission::wait), std::move(done));
  });
}
std::future<std::vector<JobStatus>> Client::future_get_many(std::span<const JobId> ids, View view,
                                                            Deadline deadline) {
  return future_of<std::vector<JobStatus>>([&](Callback<std::vector<JobStatus>> done) {
    async_get_many(ids, view, deadline, std::move(done));
  });
}
void Client::async_get_many(std::span<const JobId> ids, View view, Deadline deadline,
                            Callback<std::vector<JobStatus>> done) {
  state_->get_many(ids, view, state_->terms(deadline, Admission::fail), std::move(done));
}

JobStatus Client::wait(const JobId& id, Milliseconds timeout, View view) {
  return try_wait(id, timeout, view).value();
}
Result<JobStatus> Client::try_wait(const JobId& id, Milliseconds timeout, View view) {
  return wait_for<JobStatus>(*state_, [&](Callback<JobStatus> done) {
    state_->wait(id, view, state_->terms(timeout, Admission::wait), std::move(done));
  });
}
std::future<JobStatus> Client::future_wait(const JobId& id, Milliseconds timeout, View view) {
  return future_of<JobStatus>(
      [&](Callback<JobStatus> done) { async_wait(id, timeout, view, std::move(done)); });
}
void Client::async_wait(const JobId& id, Milliseconds timeout, View view,
                        Callback<JobStatus> done) {
  state_->wait(id, view, state_->terms(timeout, Admission::fail), std::move(done));
}

JobState Client::cancel(const JobId& id, Deadline deadline) {
  return try_cancel(id, deadline).value();
}
Result<JobState> Client::try_cancel(const JobId& id, Deadline deadline) {
  return wait_for<JobState>(*state_, [&](Callback<JobState> done) {
    state_->cancel_many({&id, 1}, state_->terms(deadline, Admission::wait),
                        only(id, std::move(done)));
  });
}
std::future<JobState> Client::future_cancel(const JobId& id, Deadline deadline) {
  return future_of<JobState>(
      [&](Callback<JobState> done) { async_cancel(id, deadline, std::move(done)); });
}
void Client::async_cancel(const JobId& id, Deadline deadline, Callback<JobState> done) {
  state_->cancel_many({&id, 1}, state_->terms(deadline, Admission::fail),
                      only(id, std::move(done)));
}

std::vector<CancelVerdict> Client::cancel_many(std::span<const JobId> ids, Deadline deadline) {
  return try_cancel_many(ids, deadline).value();
}
Result<std::vector<CancelVerdict>> Client::try_cancel_many(std::span<const JobId> ids,
                                                           Deadline deadline) {
  return wait_for<std::vector<CancelVerdict>>(
      *state_, [&](Callback<std::vector<CancelVerdict>> done) {
        state_->cancel_many(ids, state_->terms(deadline, Admission::wait), std::move(done));
      });
}
std::future<std::vector<CancelVerdict>> Client::future_cancel_many(std::span<const JobId> ids,
                                                                   Deadline deadline) {
  return future_of<std::vector<CancelVerdict>>([&](Callback<std::vector<CancelVerdict>> done) {
    async_cancel_many(ids, deadline, std::move(done));
  });
}
void Client::async_cancel_many(std::span<const JobId> ids, Deadline deadline,
                               Callback<std::vector<CancelVerdict>> done) {
  state_->cancel_many(ids, state_->terms(deadline, Admission::fail), std::move(done));
}

JobPage Client::list(const ListQuery& query, Deadline deadline) {
  return try_list(query, deadline).value();
}
Result<JobPage> Client::try_list(const ListQuery& query, Deadline deadline) {
  return wait_for<JobPage>(*state_, [&](Callback<JobPage> done) {
    state_->list(query, state_->terms(deadline, Admission::wait), std::move(done));
  });
}
std::future<JobPage> Client::future_list(const ListQuery& query, Deadline deadline) {
  return future_of<JobPage>(
      [&](Callback<JobPage> done) { async_list(query, deadline, std::move(done)); });
}
void Client::async_list(const ListQuery& query, Deadline deadline, Callback<JobPage> done) {
  state_->list(query, state_->terms(deadline, Admission::fail), std::move(done));
}

JobRange Client::list_all(ListQuery query) {
  return JobRange(*this, std::move(query));
}

std::vector<QueueStats> Client::queue_stats(std::span<const std::string> queues,
                                            std::string_view name_space, Deadline deadline) {
  return try_queue_stats(queues, name_space, deadline).value();
}
Result<std::vector<QueueStats>> Client::try_queue_stats(std::span<const std::string> queues,
                                                        std::string_view name_space,
                                                        Deadline deadline) {
  return wait_for<std::vector<QueueStats>>(*state_, [&](Callback<std::vector<QueueStats>> done) {
    state_->queue_stats(queues, name_space, state_->terms(deadline, Admission::wait),
                        std::move(done));
  });
}
std::future<std::vector<QueueStats>> Client::future_queue_stats(std::span<const std::string> queues,
                                                                std::string_view name_space,
                                                                Deadline deadline) {
  return future_of<std::vector<QueueStats>>([&](Callback<std::vector<QueueStats>> done) {
    async_queue_stats(queues, name_space, deadline, std::move(done));
  });
}
void Client::async_queue_stats(std::span<const std::string> queues, std::string_view name_space,
                               Deadline deadline, Callback<std::vector<QueueStats>> done) {
  state_->queue_stats(queues, name_space, state_->terms(deadline, Admission::fail),
                      std::move(done));
}

Pong Client::ping(Deadline deadline) {
  return try_ping(deadline).value();
}
Result<Pong> Client::try_ping(Deadline deadline) {
  return wait_for<Pong>(*state_, [&](Callback<Pong> done) {
    state_->ping(state_->terms(deadline, Admission::wait), std::move(done));
  });
}
std::future<Pong> Client::future_ping(Deadline deadline) {
  return future_of<Pong>([&](Callback<Pong> done) { async_ping(deadline, std::move(done)); });
}
void Client::async_ping(Deadline deadline, Callback<Pong> done) {
  state_->ping(state_->terms(deadline, Admission::fail), std::move(done));
}

void JobRange::load() {
  // A page may be empty and yet not the last.
  do {
    page_ = client_->list(query_);
    at_ = 0;
    query_.cursor(page_.next_cursor);
  } while (page_.jobs.empty() && !page_.next_cursor.empty());
}

void JobRange::advance() {
  if (++at_ == page_.jobs.size() && !page_.next_cursor.empty()) load();
}

}  // namespace pawl::inline v1
