#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "client/chunks.h"
#include "client/connection.h"
#include "client/enqueue_call.h"
#include "client/intake.h"
#include "client/query_call.h"
#include "client/sinks.h"
#include <pawl/client.h>

namespace pawl::inline v1 {

// What to do when the client's bound of requests in flight is reached.
enum class Admission { wait, fail };

// The callback core under all forms of the client's operations, and the thread that it runs on.
class PAWL_HIDDEN Client::State {
 public:
  explicit State(const ClientOptions& options);
  ~State();

  // When and how a call may go on: the absolute form of a Deadline.
  struct Terms {
    client::TimePoint deadline;
    Admission admission = Admission::fail;
  };
  Terms terms(Deadline deadline, Admission admission) const;
  Terms terms(Milliseconds within, Admission admission) const;

  void enqueue(const client::Batcher::NewJob& job, const Terms& terms, Callback<JobId> done);
  void enqueue_many(std::span<const Job> jobs, BatchMode mode, const Terms& terms,
                    Callback<std::vector<Enqueued>> done);
  void get_many(std::span<const JobId> ids, View view, const Terms& terms,
                Callback<std::vector<JobStatus>> done);
  void wait(const JobId& id, View view, const Terms& terms, Callback<JobStatus> done);
  void cancel_many(std::span<const JobId> ids, const Terms& terms,
                   Callback<std::vector<CancelVerdict>> done);
  void list(const ListQuery& query, const Terms& terms, Callback<JobPage> done);
  void queue_stats(std::span<const std::string> queues, std::string_view name_space,
                   const Terms& terms, Callback<std::vector<QueueStats>> done);
  void ping(const Terms& terms, Callback<Pong> done);

  bool drain(Milliseconds within);
  bool on_own_thread() const { return std::this_thread::get_id() == thread_.get_id(); }
  const std::string& default_namespace() const { return options_.in_namespace(); }

 private:
  Callback<JobStatus> then_get(const JobId& id, client::TimePoint waited_until,
                               Callback<JobStatus> done);
  template <class T>
  void query(const pb::Request& request, typename client::QueryCall<T>::Read read,
             const Terms& terms, Callback<T> done);
  template <class T>
  void end_later(Callback<T> done, Result<T> result);
  void add_chunk(client::Chunks::Chunk chunk, const Terms& terms,
                 const std::shared_ptr<client::Verdicts>& verdicts);
  Result<client::Ticket> admit(std::size_t requests, std::size_t bytes, const Terms& terms);
  void add(std::unique_ptr<client::Call> call);
  std::string_view namespace_or_default(std::string_view name) const;

  // On the client's thread.
  void pump();
  void submit(client::Batcher::Batch batch);
  void arm(client::TimePoint next_take);
  void on_connected(const pb::HelloReply& reply);
  void close();

  ClientOptions options_;
  client::Intake intake_;
  client::BatchIdSource ids_;
  std::atomic<std::size_t> batch_bytes_max_;
  std::atomic<int> callers_ = 0;  // Threads that are inside of one of the functions above.
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer timer_;
  client::TimePoint armed_ = client::TimePoint::max();
  client::Connection connection_;
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace pawl::inline v1
