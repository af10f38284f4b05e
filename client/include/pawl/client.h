#pragma once

#include <chrono>
#include <cstddef>
#include <future>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <pawl/callback.h>
#include <pawl/error.h>
#include <pawl/export.h>
#include <pawl/job.h>
#include <pawl/options.h>

namespace pawl::inline v1 {

class JobRange;

// A connection to the broker that looks after itself: it connects in the background, reconnects,
// and sends again what was not answered; the broker recognises what it has already accepted.
// Thread-safe; has a thread of its own.
//
// Each operation has four forms (and <pawl/asio.h> a fifth, for completion tokens):
//   name()        waits for the answer and returns it; throws Error.
//   try_name()    the same, as a Result.
//   future_name() as a std::future.
//   async_name()  hands it to a Callback; see there for what a callback may do.
// Every call ends within its Deadline. The two waiting forms must not be used in a callback: they
// fail there with `invalid_argument`. All arguments are read before a call returns.
class PAWL_API Client {
 public:
  // Throws Error{invalid_argument} for a URL that makes no sense; an unreachable broker is no error
  // here.
  explicit Client(std::string_view url);
  explicit Client(const ClientOptions& options);
  // What has no answer yet fails with `closed`. Call drain() first to wait for it. Not from a
  // callback.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Waits until nothing is in flight, or the time is up; tells whether nothing is left. Not in a
  // callback: throws Error{invalid_argument} there.
  bool drain(Milliseconds within);

  // Puts a job in and returns its id once the broker has accepted it: has it on disk, unless the
  // queue is set to `written`. Calls that come together share a frame. When it fails with
  // outcome_unknown(), the job may or may not have been accepted; the Error's job_id() is what to
  // get() to find out.
  JobId enqueue(std::string_view type, std::string_view payload, const Options& options = Options(),
                Deadline deadline = Deadline());
  Result<JobId> try_enqueue(std::string_view type, std::string_view payload,
                            const Options& options = Options(), Deadline deadline = Deadline());
  std::future<JobId> future_enqueue(std::string_view type, std::string_view payload,
                                    const Options& options = Options(),
                                    Deadline deadline = Deadline());
  void async_enqueue(std::string_view type, std::string_view payload, const Options& options,
                     Deadline deadline, Callback<JobId> done);

  // Puts many jobs in, in order for each queue. The answer has one entry per job, in order; per_job
  // never fails as a whole, it says for each job what became of it. all_or_nothing jobs must be of
  // one queue and fit into one frame (1000 jobs and 2 MiB); it fails as a whole or accepts every
  // job.
  std::vector<Enqueued> enqueue_many(std::span<const Job> jobs, BatchMode mode = BatchMode::per_job,
                                     Deadline deadline = Deadline());
  Result<std::vector<Enqueued>> try_enqueue_many(std::span<const Job> jobs,
                                                 BatchMode mode = BatchMode::per_job,
                                                 Deadline deadline = Deadline());
  std::future<std::vector<Enqueued>> future_enqueue_many(std::span<const Job> jobs,
                                                         BatchMode mode = BatchMode::per_job,
                                                         Deadline deadline = Deadline());
  void async_enqueue_many(std::span<const Job> jobs, BatchMode mode, Deadline deadline,
                          Callback<std::vector<Enqueued>> done);

  // What is known of a job; fails with `not_found`.
  JobStatus get(const JobId& id, View view = View::status, Deadline deadline = Deadline());
  Result<JobStatus> try_get(const JobId& id, View view = View::status,
                            Deadline deadline = Deadline());
  std::future<JobStatus> future_get(const JobId& id, View view = View::status,
                                    Deadline deadline = Deadline());
  void async_get(const JobId& id, View view, Deadline deadline, Callback<JobStatus> done);

  // The same for any number of jobs, in the order asked; one that is not found has that code.
  std::vector<JobStatus> get_many(std::span<const JobId> ids, View view = View::status,
                                  Deadline deadline = Deadline());
  Result<std::vector<JobStatus>> try_get_many(std::span<const JobId> ids, View view = View::status,
                                              Deadline deadline = Deadline());
  std::future<std::vector<JobStatus>> future_get_many(std::span<const JobId> ids,
                                                      View view = View::status,
                                                      Deadline deadline = Deadline());
  void async_get_many(std::span<const JobId> ids, View view, Deadline deadline,
                      Callback<std::vector<JobStatus>> done);

  // Waits for the job's final state, whole with its result. When the time is up it returns the
  // state that the job has then: see is_final(). Fails with `not_found`, with `deadline` when
  // the broker could not be asked, or with what it refused with to the end; that at most two
  // seconds after the time is up, which the last answer may take.
  JobStatus wait(const JobId& id, Milliseconds timeout, View view = View::full);
  Result<JobStatus> try_wait(const JobId& id, Milliseconds timeout, View view = View::full);
  std::future<JobStatus> future_wait(const JobId& id, Milliseconds timeout, View view = View::full);
  void async_wait(const JobId& id, Milliseconds timeout, View view, Callback<JobStatus> done);

  // Cancels a job that waits, asks a running one to stop. Returns its state afterwards; fails with
  // `not_found`.
  JobState cancel(const JobId& id, Deadline deadline = Deadline());
  Result<JobState> try_cancel(const JobId& id, Deadline deadline = Deadline());
  std::future<JobState> future_cancel(const JobId& id, Deadline deadline = Deadline());
  void async_cancel(const JobId& id, Deadline deadline, Callback<JobState> done);

  std::vector<CancelVerdict> cancel_many(std::span<const JobId> ids,
                                         Deadline deadline = Deadline());
  Result<std::vector<CancelVerdict>> try_cancel_many(std::span<const JobId> ids,
                                                     Deadline deadline = Deadline());
  std::future<std::vector<CancelVerdict>> future_cancel_many(std::span<const JobId> ids,
                                                             Deadline deadline = Deadline());
  void async_cancel_many(std::span<const JobId> ids, Deadline deadline,
                         Callback<std::vector<CancelVerdict>> done);

  // One page of a queue's jobs in one state.
  JobPage list(const ListQuery& query, Deadline deadline = Deadline());
  Result<JobPage> try_list(const ListQuery& query, Deadline deadline = Deadline());
  std::future<JobPage> future_list(const ListQuery& query, Deadline deadline = Deadline());
  void async_list(const ListQuery& query, Deadline deadline, Callback<JobPage> done);

  // All of them, page by page while a for loop walks; each page is a waiting call that may throw.
  JobRange list_all(ListQuery query);

  // Counts by state of the named queues, or of all queues of the namespace. An empty namespace is
  // the client's.
  std::vector<QueueStats> queue_stats(std::span<const std::string> queues = {},
                                      std::string_view name_space = {},
                                      Deadline deadline = Deadline());
  Result<std::vector<QueueStats>> try_queue_stats(std::span<const std::string> queues = {},
                                                  std::string_view name_space = {},
                                                  Deadline deadline = Deadline());
  std::future<std::vector<QueueStats>> future_queue_stats(std::span<const std::string> queues = {},
                                                          std::string_view name_space = {},
                                                          Deadline deadline = Deadline());
  void async_queue_stats(std::span<const std::string> queues, std::string_view name_space,
                         Deadline deadline, Callback<std::vector<QueueStats>> done);

  // Asks the broker whether it is there.
  Pong ping(Deadline deadline = Deadline());
  Result<Pong> try_ping(Deadline deadline = Deadline());
  std::future<Pong> future_ping(Deadline deadline = Deadline());
  void async_ping(Deadline deadline, Callback<Pong> done);

 private:
  class State;
  std::unique_ptr<State> state_;
};

// The jobs of a ListQuery as an input range: `for (const pawl::JobStatus& job :
// client.list_all(query))`. The client must outlive it.
class PAWL_API JobRange {
 public:
  class Iterator {
   public:
    using value_type = JobStatus;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;

    explicit Iterator(JobRange& range) : range_(&range) {}
    const JobStatus& operator*() const { return range_->page_.jobs[range_->at_]; }
    const JobStatus* operator->() const { return &**this; }
    Iterator& operator++() { return range_->advance(), *this; }
    void operator++(int) { range_->advance(); }
    bool operator==(std::default_sentinel_t) const {
      return range_->at_ == range_->page_.jobs.size();
    }

   private:
    JobRange* range_;
  };

  JobRange(Client& client, ListQuery query) : client_(&client), query_(std::move(query)) {}

  // Fetches the first page. A range can be walked once.
  Iterator begin() { return load(), Iterator(*this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  void advance();
  void load();

  Client* client_;
  ListQuery query_;
  JobPage page_;
  std::size_t at_ = 0;
};

}  // namespace pawl::inline v1
