#pragma once

// The client's operations for Boost.Asio: each takes a completion token (a handler, use_future,
// use_awaitable, ...) and completes with void(std::exception_ptr, T), on the handler's executor. So
// `co_await` returns T and throws Error.
//
// Only this header names Boost, 1.81 or newer: it is compiled into your program, with your Asio,
// header-only or not. In a program that is linked with the static libpawl_client it must be of the
// version that Pawl was built with, because there Pawl's copy of Asio and yours become one.
//
// With g++ 12, name jobs and options before the expression that has co_await in it when they are
// your own aggregates: that compiler destroys an aggregate temporary twice there. Pawl's own
// classes are safe.

#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <pawl/client.h>

namespace pawl::inline v1 {
namespace asio_detail {

// A handler that waits for its outcome, or for its cancellation: the first takes it. It is always
// posted to its executor, whose work counts as outstanding meanwhile.
template <class T, class Handler>
class Pending : public std::enable_shared_from_this<Pending<T, Handler>> {
 public:
  explicit Pending(Handler handler)
      : executor_(boost::asio::get_associated_executor(handler)),
        work_(executor_),
        handler_(std::move(handler)) {}

  void arm() {
    auto slot = boost::asio::get_associated_cancellation_slot(*handler_);
    if (!slot.is_connected()) return;
    slot.assign([weak = this->weak_from_this()](boost::asio::cancellation_type type) {
      if (type == boost::asio::cancellation_type::none) return;
      if (const auto self = weak.lock()) {
        self->complete(Error(Errc::cancelled, "the call was given up").set_outcome_unknown(true));
      }
    });
  }

  void complete(Result<T> result) {
    const std::lock_guard lock(mutex_);
    if (!handler_) return;
    boost::asio::post(executor_,
                      [handler = std::move(*handler_), result = std::move(result)]() mutable {
                        boost::asio::get_associated_cancellation_slot(handler).clear();
                        if (result) {
                          std::move(handler)(std::exception_ptr(), std::move(*result));
                        } else {
                          std::move(handler)(std::make_exception_ptr(result.error()), T());
                        }
                      });
    handler_.reset();
    work_.reset();
  }

 private:
  using Executor = boost::asio::associated_executor_t<Handler>;

  std::mutex mutex_;
  Executor executor_;
  boost::asio::executor_work_guard<Executor> work_;
  std::optional<Handler> handler_;
};

// `call` takes the Callback. It owns what it needs, because a lazy token starts it later.
template <class T, class Call, class Token>
auto start(Call call, Token&& token) {
  auto initiate = [call = std::move(call)](auto handler) mutable {
    using Waiting = Pending<T, std::decay_t<decltype(handler)>>;
    const auto pending = std::make_shared<Waiting>(std::move(handler));
    pending->arm();
    call(Callback<T>([pending](Result<T> result) { pending->complete(std::move(result)); }));
  };
  return boost::asio::async_initiate<Token, void(std::exception_ptr, T)>(std::move(initiate),
                                                                         token);
}

}  // namespace asio_detail

template <class Token>
auto async_enqueue(Client& client, std::string type, std::string payload, Options options,
                   Token&& token, Deadline deadline = Deadline()) {
  return asio_detail::start<JobId>(
      [&client, type = std::move(type), payload = std::move(payload), options = std::move(options),
       deadline](Callback<JobId> done) {
        client.async_enqueue(type, payload, options, deadline, std::move(done));
      },
      token);
}

template <class Token>
auto async_enqueue_many(Client& client, std::vector<Job> jobs, BatchMode mode, Token&& token,
                        Deadline deadline = Deadline()) {
  return asio_detail::start<std::vector<Enqueued>>(
      [&client, jobs = std::move(jobs), mode, deadline](Callback<std::vector<Enqueued>> done) {
        client.async_enqueue_many(jobs, mode, deadline, std::move(done));
      },
      token);
}

template <class Token>
auto async_get(Client& client, JobId id, View view, Token&& token, Deadline deadline = Deadline()) {
  return asio_detail::start<JobStatus>(
      [&client, id, view, deadline](Callback<JobStatus> done) {
        client.async_get(id, view, deadline, std::move(done));
      },
      token);
}

template <class Token>
auto async_get_many(Client& client, std::vector<JobId> ids, View view, Token&& token,
                    Deadline deadline = Deadline()) {
  return asio_detail::start<std::vector<JobStatus>>(
      [&client, ids = std::move(ids), view, deadline](Callback<std::vector<JobStatus>> done) {
        client.async_get_many(ids, view, deadline, std::move(done));
      },
      token);
}

template <class Token>
auto async_wait(Client& client, JobId id, Milliseconds timeout, Token&& token,
                View view = View::full) {
  return asio_detail::start<JobStatus>(
      [&client, id, timeout, view](Callback<JobStatus> done) {
        client.async_wait(id, timeout, view, std::move(done));
      },
      token);
}

template <class Token>
auto async_cancel(Client& client, JobId id, Token&& token, Deadline deadline = Deadline()) {
  return asio_detail::start<JobState>(
      [&client, id, deadline](Callback<JobState> done) {
        client.async_cancel(id, deadline, std::move(done));
      },
      token);
}

template <class Token>
auto async_cancel_many(Client& client, std::vector<JobId> ids, Token&& token,
                       Deadline deadline = Deadline()) {
  return asio_detail::start<std::vector<CancelVerdict>>(
      [&client, ids = std::move(ids), deadline](Callback<std::vector<CancelVerdict>> done) {
        client.async_cancel_many(ids, deadline, std::move(done));
      },
      token);
}

template <class Token>
auto async_list(Client& client, ListQuery query, Token&& token, Deadline deadline = Deadline()) {
  return asio_detail::start<JobPage>(
      [&client, query = std::move(query), deadline](Callback<JobPage> done) {
        client.async_list(query, deadline, std::move(done));
      },
      token);
}

template <class Token>
auto async_queue_stats(Client& client, std::vector<std::string> queues, std::string name_space,
                       Token&& token, Deadline deadline = Deadline()) {
  return asio_detail::start<std::vector<QueueStats>>(
      [&client, queues = std::move(queues), name_space = std::move(name_space),
       deadline](Callback<std::vector<QueueStats>> done) {
        client.async_queue_stats(queues, name_space, deadline, std::move(done));
      },
      token);
}

template <class Token>
auto async_ping(Client& client, Token&& token, Deadline deadline = Deadline()) {
  return asio_detail::start<Pong>(
      [&client, deadline](Callback<Pong> done) { client.async_ping(deadline, std::move(done)); },
      token);
}

}  // namespace pawl::inline v1
