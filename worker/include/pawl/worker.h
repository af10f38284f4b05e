#pragma once

#include <csignal>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <pawl/error.h>
#include <pawl/export.h>
#include <pawl/handler.h>
#include <pawl/options.h>

namespace pawl::inline v1 {

// How a worker reaches the broker and how it behaves there.
class PAWL_API WorkerOptions {
 public:
  WorkerOptions() {}

  // URL, log and the connection's timing. Its namespace is the one of all the queues.
  WorkerOptions& connection(ClientOptions value) { return connection_ = std::move(value), *this; }
  // A name for people: 1 to 128 of A-Z a-z 0-9 _ . : - and by default, or when empty, "host:pid",
  // with '_' for what a host's name has beyond these. It need not be unique.
  WorkerOptions& worker_id(std::string value) { return worker_id_ = std::move(value), *this; }
  // How many jobs run at once: 1 to 1000, a thread each.
  WorkerOptions& concurrency(unsigned value) { return concurrency_ = value, *this; }
  // When the grace of a drain is over, how long handlers that were asked to stop have until their
  // jobs are handed back.
  WorkerOptions& stop_wait(Milliseconds value) { return stop_wait_ = value, *this; }

  const ClientOptions& connection() const { return connection_; }
  const std::string& worker_id() const { return worker_id_; }
  unsigned concurrency() const { return concurrency_; }
  Milliseconds stop_wait() const { return stop_wait_; }

 private:
  ClientOptions connection_;
  std::string worker_id_;
  unsigned concurrency_ = 1;
  Milliseconds stop_wait_{1'000};
};

// Fetches jobs, runs their handlers and reports what became of them. It keeps the leases by
// heartbeats from a thread of its own, reconnects, and resumes its session then: a job that runs
// for an hour runs once, over a restart of the broker too.
//
// Say what it serves, then call run_until_signal(), or start() and stop(). The functions before
// start() are for one thread, stop() for any.
class PAWL_API Worker {
 public:
  // Throws Error{invalid_argument} for a URL or worker id that makes no sense.
  explicit Worker(std::string_view url);
  explicit Worker(const WorkerOptions& options);
  // stop() without a grace.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Serves a queue: call it for each, the most important first. "default" when never called.
  Worker& queue(std::string name);
  Worker& concurrency(unsigned value);
  // What to do with jobs of a type. The worker fetches no others, unless it has a default handler:
  // then it takes any type.
  template <class F>
  Worker& on(std::string type, F handler) {
    return set_handler(std::move(type), make_handler(std::move(handler)));
  }
  template <class F>
  Worker& default_handler(F handler) {
    return set_default_handler(make_handler(std::move(handler)));
  }

  // Connects in the background. Throws Error{invalid_argument} when there is no handler, a
  // concurrency outside of 1 to 1000, more than 64 queues or 256 types, or it was started before.
  void start();

  // Takes no more jobs and waits up to `grace` for the handlers; then asks them to stop, and hands
  // back, uncounted, what still runs after stop_wait. Returns in a bounded time, also when the
  // broker is away. True when no job had to be handed back. A handler that does not stop keeps its
  // thread until it returns: its report will not count.
  bool stop(Milliseconds grace);

  // start(), then stop(grace) at the first of the signals; at the second at once, unless it comes
  // within 100 ms: whoever signals a process and its group means it once. Returns the
  // process's exit status: 0, or 1 when jobs had to be handed back. Throws the Error with which the
  // broker refused this worker for good.
  int run_until_signal(std::initializer_list<int> signals = {SIGTERM, SIGINT},
                       Milliseconds grace = Milliseconds(25'000));

  // Why the broker will not have this worker, when it has stopped by itself.
  std::optional<Error> failure() const;

 private:
  class State;

  Worker& set_handler(std::string type, Handler handler);
  Worker& set_default_handler(Handler handler);

  std::unique_ptr<State> state_;
};

}  // namespace pawl::inline v1
