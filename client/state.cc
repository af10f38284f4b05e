#include "client/state.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "client/decode.h"
#include "client/get_call.h"
#include "client/list_call.h"
#include "client/random_seed.h"
#include "client/wait_call.h"
#include "client/wire_error.h"

namespace pawl::inline v1 {
namespace {

using client::TimePoint;
using std::chrono::steady_clock;

constexpr std::string_view kDefaultQueue = "default";
constexpr client::BatchLimits kBatchLimits;
// What an Enqueue frame holds besides its jobs.
constexpr std::size_t kFrameOverheadBytes = 4096;
// So many ids one request may name, and fewer when the answer brings payloads.
constexpr std::size_t kIdsMax = 1000;
constexpr std::size_t kFullIdsMax = 32;

Error wrong_kind() {
  return Error(Errc::protocol_error, "the broker's answer is of another kind than the request");
}

Error gathered_too_long() {
  return Error(Errc::deadline, "the request could not be sent within the deadline")
      .set_retryable(true);
}

template <class Ids>
void set_ids(Ids& ids, std::span<const JobId> from) {
  for (const JobId& id : from) {
    const std::string_view bytes = client::bytes_of(id);
    ids.Add()->assign(bytes.data(), bytes.size());
  }
}

// Counts a caller as long as it is inside of the client.
class Inside {
 public:
  explicit Inside(std::atomic<int>& callers) : callers_(callers) {
    callers_.fetch_add(1, std::memory_order_relaxed);
  }
  ~Inside() { callers_.fetch_sub(1, std::memory_order_release); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  std::atomic<int>& callers_;
};

// Calls ask(part, callback) for each part of at most `size` ids, and joins the answers. REQUIRES:
// some ids.
template <class T, class Ask>
void ask_in_parts(std::span<const JobId> ids, std::size_t size, Callback<std::vector<T>> done,
                  Ask ask) {
  const std::size_t parts = (ids.size() + size - 1) / size;
  if (parts == 1) return ask(ids, std::move(done));
  const auto join = std::make_shared<client::Join<T>>(parts, std::move(done));
  for (std::size_t i = 0; i < parts; ++i) {
    const auto part = ids.subspan(i * size, std::min(size, ids.size() - i * size));
    ask(part, client::Join<T>::part(join, i));
  }
}

}  // namespace

Client::State::State(const ClientOptions& options)
    : options_(options),
      intake_({.requests_max = options.in_flight_requests_max(),
               .bytes_max = options.in_flight_bytes_max(),
               .batch = kBatchLimits},
              [this] { boost::asio::post(context_, [this] { pump(); }); }),
      ids_{.ids = client::BatchIds(client::random_seed()), .clock = {}},
      batch_bytes_max_(kBatchLimits.bytes_max),
      work_(context_.get_executor()),
      timer_(context_),
      connection_(
          context_, options,
          {.make_hello = {},
           .on_connected = [this](const pb::HelloReply& reply) { on_connected(reply); },
           .on_disconnected = {},
           .on_push = {},
           .on_server_time =
               [this](std::uint64_t ms) { ids_.clock.set(ms, client::BootClock::now()); }}) {
  thread_ = std::thread([this] {
    connection_.start();
    context_.run();
  });
}

Client::State::~State() {
  intake_.close();
  // Those who waited for room or for the end have been woken, and touch nothing of this any more
  // once they are out.
  while (callers_.load(std::memory_order_acquire) > 0) std::this_thread::yield();
  boost::asio::post(context_, [this] { close(); });
  work_.reset();
  thread_.join();
}

Client::State::Terms Client::State::terms(Deadline deadline, Admission admission) const {
  return terms(deadline.within().value_or(options_.call_deadline()), admission);
}

Client::State::Terms Client::State::terms(Milliseconds within, Admission admission) const {
  // A time that is far beyond any life stands for "without end".
  constexpr Milliseconds kLongest = std::chrono::hours(24 * 365);
  return {.deadline = steady_clock::now() + std::min(within, kLongest), .admission = admission};
}

void Client::State::enqueue(const client::Batcher::NewJob& job, const Terms& terms,
                            Callback<JobId> done) {
  const Inside inside(callers_);
  client::Batcher::NewJob placed = job;
  placed.name_space = namespace_or_default(job.name_space);
  if (placed.queue.empty()) placed.queue = kDefaultQueue;

  auto ticket = admit(1, client::job_bytes_max(0, job.payload, job.options), terms);
  if (!ticket) return end_later<JobId>(std::move(done), ticket.error());
  client::Batcher::Waiting waiting{
      .deadline = terms.deadline, .done = std::move(done), .ticket = std::move(*ticket)};
  if (!intake_.add(placed, waiting)) {
    end_later<JobId>(std::move(waiting.done), Error(Errc::closed, "the client is closed"));
  }
}

void Client::State::enqueue_many(std::span<const Job> jobs, BatchMode mode, const Terms& terms,
                                 Callback<std::vector<Enqueued>> done) {
  const Inside inside(callers_);
  auto verdicts = std::make_shared<client::Verdicts>(jobs.size(), mode, std::move(done));
  client::BatchLimits limits = kBatchLimits;
  limits.bytes_max = batch_bytes_max_.load(std::memory_order_relaxed);
  client::Chunks chunks(jobs, limits, options_.in_namespace());
  auto chunk = chunks.next();
  if (mode == BatchMode::all_or_nothing && chunk && chunk->positions.size() < jobs.size()) {
    verdicts->fail({}, std::nullopt,
                   Error(Errc::too_large,
                         "jobs for all or nothing must be of one queue and fit into one frame"));
    chunk.reset();
  }
  for (; chunk; chunk = chunks.next()) {
    chunk->head.mode = mode;
    if (chunk->head.queue.empty()) chunk->head.queue = kDefaultQueue;
    add_chunk(std::move(*chunk), terms, verdicts);
  }
  // Let go of on the client's thread: the callback may be due then.
  boost::asio::post(context_, [last = std::move(verdicts)] {});
}

void Client::State::add_chunk(client::Chunks::Chunk chunk, const Terms& terms,
                              const std::shared_ptr<client::Verdicts>& verdicts) {
  auto ticket = admit(chunk.positions.size(), chunk.jobs.size(), terms);
  if (!ticket) return verdicts->fail(chunk.positions, std::nullopt, ticket.error());
  auto sink =
      std::make_unique<client::ChunkSink>(verdicts, std::move(chunk.positions), std::move(*ticket));
  client::EnqueueCall::Batch batch{
      .head = std::move(chunk.head), .jobs = std::move(chunk.jobs), .sink = std::move(sink)};
  add(std::make_unique<client::EnqueueCall>(terms.deadline, std::move(batch), ids_));
}

void Client::State::get_many(std::span<const JobId> ids, View view, const Terms& terms,
                             Callback<std::vector<JobStatus>> done) {
  const Inside inside(callers_);
  if (ids.empty())
    return end_later<std::vector<JobStatus>>(std::move(done), std::vector<JobStatus>());
  const auto ask = [&](std::span<const JobId> part, Callback<std::vector<JobStatus>> answer) {
    auto ticket = admit(1, part.size() * sizeof(JobId), terms);
    if (!ticket) return end_later<std::vector<JobStatus>>(std::move(answer), ticket.error());
    auto call = std::make_unique<client::GetCall>(terms.deadline, part, view, std::move(answer));
    call->hold(std::move(*ticket));
    add(std::move(call));
  };
  ask_in_parts(ids, view == View::full ? kFullIdsMax : kIdsMax, std::move(done), ask);
}

void Client::State::wait(const JobId& id, View view, const Terms& terms, Callback<JobStatus> done) {
  const Inside inside(callers_);
  auto ticket = admit(1, 0, terms);
  if (!ticket) return end_later<JobStatus>(std::move(done), ticket.error());
  if (view == View::full) done = then_get(id, terms.deadline, std::move(done));
  const client::WaitCall::Wait wait{.id = id, .until = terms.deadline};
  add(std::make_unique<client::WaitCall>(wait, std::move(*ticket), std::move(done)));
}

// Many waits may end together: what is large is asked for as the broker's bound of unread answers
// allows.
Callback<JobStatus> Client::State::then_get(const JobId& id, client::TimePoint waited_until,
                                            Callback<JobStatus> done) {
  return [this, id, waited_until, done = std::move(done)](Result<JobStatus> waited) mutable {
    if (!waited) return done(std::move(waited));
    auto only = [id, done = std::move(done)](Result<std::vector<JobStatus>> found) mutable {
      if (!found) return done(found.error());
      JobStatus& job = found->front();
      if (!job.found()) return done(client::not_shown_error(job.code, id));
      done(std::move(job));
    };
    add(std::make_unique<client::GetCall>(waited_until + client::WaitCall::kLastAnswer,
                                          std::span(&id, 1), View::full, std::move(only)));
  };
}

void Client::State::cancel_many(std::span<const JobId> ids, const Terms& terms,
                                Callback<std::vector<CancelVerdict>> done) {
  const Inside inside(callers_);
  if (ids.empty())
    return end_later<std::vector<CancelVerdict>>(std::move(done), std::vector<CancelVerdict>());
  const auto read = [](pb::Reply& reply) -> Result<std::vector<CancelVerdict>> {
    if (!reply.has_cancel_jobs()) return wrong_kind();
    std::vector<CancelVerdict> verdicts;
    for (const auto& job : reply.cancel_jobs().jobs()) {
      verdicts.push_back(
          {.code = client::errc_of(job.code()), .state = static_cast<JobState>(job.state())});
    }
    return verdicts;
  };
  const auto ask = [&](std::span<const JobId> part, Callback<std::vector<CancelVerdict>> answer) {
    pb::Request request;
    set_ids(*request.mutable_cancel_jobs()->mutable_ids(), part);
    query<std::vector<CancelVerdict>>(request, read, terms, std::move(answer));
  };
  ask_in_parts(ids, kIdsMax, std::move(done), ask);
}

void Client::State::list(const ListQuery& query, const Terms& terms, Callback<JobPage> done) {
  const Inside inside(callers_);
  pb::ListJobs list;
  list.set_namespace_(std::string(namespace_or_default(query.in_namespace())));
  list.set_queue(query.queue().empty() ? std::string(kDefaultQueue) : query.queue());
  list.set_state(static_cast<pb::State>(query.state()));
  list.set_type(query.type());
  list.set_limit(query.limit());
  list.set_cursor(query.cursor());
  auto ticket = admit(1, list.ByteSizeLong(), terms);
  if (!ticket) return end_later<JobPage>(std::move(done), ticket.error());
  add(std::make_unique<client::ListCall>(terms.deadline, std::move(list), std::move(*ticket),
                                         std::move(done)));
}

void Client::State::queue_stats(std::span<const std::string> queues, std::string_view name_space,
                                const Terms& terms, Callback<std::vector<QueueStats>> done) {
  const Inside inside(callers_);
  pb::Request request;
  auto& stats = *request.mutable_queue_stats();
  stats.set_namespace_(std::string(namespace_or_default(name_space)));
  for (const std::string& queue : queues) stats.add_queues(queue);
  const auto read = [](pb::Reply& reply) -> Result<std::vector<QueueStats>> {
    if (!reply.has_queue_stats()) return wrong_kind();
    std::vector<QueueStats> all;
    for (const auto& stat : reply.queue_stats().queues()) all.push_back(client::stats_of(stat));
    return all;
  };
  query<std::vector<QueueStats>>(request, read, terms, std::move(done));
}

void Client::State::ping(const Terms& terms, Callback<Pong> done) {
  const Inside inside(callers_);
  pb::Request request;
  request.mutable_ping();
  const auto read = [](pb::Reply& reply) -> Result<Pong> {
    if (!reply.has_ping()) return wrong_kind();
    const auto milliseconds = [](std::uint64_t value) {
      return Milliseconds(static_cast<std::int64_t>(value));
    };
    return Pong{.server_time = Time(milliseconds(reply.ping().server_time_ms())),
                .uptime = milliseconds(reply.ping().uptime_ms()),
                .server_version = reply.ping().server_version(),
                .round_trip = {}};
  };
  const auto timed = [begun = steady_clock::now(),
                      done = std::make_shared<Callback<Pong>>(std::move(done))](Result<Pong> pong) {
    if (pong) {
      pong->round_trip =
          std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - begun);
    }
    (*done)(std::move(pong));
  };
  query<Pong>(request, read, terms, timed);
}

bool Client::State::drain(Milliseconds within) {
  const Inside inside(callers_);
  return intake_.drained(terms(within, Admission::wait).deadline);
}

template <class T>
void Client::State::query(const pb::Request& request, typename client::QueryCall<T>::Read read,
                          const Terms& terms, Callback<T> done) {
  auto ticket = admit(1, request.ByteSizeLong(), terms);
  if (!ticket) return end_later<T>(std::move(done), ticket.error());
  auto call =
      std::make_unique<client::QueryCall<T>>(terms.deadline, request, read, std::move(done));
  call->hold(std::move(*ticket));
  add(std::move(call));
}

template <class T>
void Client::State::end_later(Callback<T> done, Result<T> result) {
  boost::asio::post(context_, [done = std::move(done), result = std::move(result)]() mutable {
    done(std::move(result));
  });
}

Result<client::Ticket> Client::State::admit(std::size_t requests, std::size_t bytes,
                                            const Terms& terms) {
  const bool waits = terms.admission == Admission::wait;
  return intake_.admit(requests, bytes, waits ? terms.deadline : TimePoint::min());
}

void Client::State::add(std::unique_ptr<client::Call> call) {
  if (intake_.add(call)) return;
  boost::asio::post(context_, [call = std::move(call)] {
    call->fail(Error(Errc::closed, "the client is closed"));
  });
}

std::string_view Client::State::namespace_or_default(std::string_view name) const {
  return name.empty() ? std::string_view(options_.in_namespace()) : name;
}

void Client::State::pump() {
  auto taken = intake_.take(steady_clock::now());
  for (auto& expired : taken.expired) expired.done(gathered_too_long());
  for (auto& call : taken.calls) connection_.submit(std::move(call));
  for (auto& batch : taken.batches) submit(std::move(batch));
  arm(taken.next_take);
  connection_.step();
}

void Client::State::submit(client::Batcher::Batch batch) {
  TimePoint deadline = TimePoint::max();
  for (const auto& waiting : batch.waiting) deadline = std::min(deadline, waiting.deadline);
  auto sink = std::make_unique<client::SinglesSink>(intake_, std::move(batch.group),
                                                    std::move(batch.waiting));
  client::EnqueueCall::Batch call{
      .head = std::move(batch.head), .jobs = std::move(batch.jobs), .sink = std::move(sink)};
  connection_.submit(std::make_unique<client::EnqueueCall>(deadline, std::move(call), ids_));
}

void Client::State::arm(TimePoint next_take) {
  if (closed_ || next_take >= armed_) return;
  armed_ = next_take;
  timer_.expires_at(next_take);
  timer_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    armed_ = TimePoint::max();
    pump();
  });
}

void Client::State::on_connected(const pb::HelloReply& reply) {
  ids_.clock.set(reply.server_time_ms(), client::BootClock::now());
  if (reply.frame_bytes_max() <= 2 * kFrameOverheadBytes) return;
  const std::size_t bytes =
      std::min(kBatchLimits.bytes_max, reply.frame_bytes_max() - kFrameOverheadBytes);
  batch_bytes_max_.store(bytes, std::memory_order_relaxed);
  intake_.set_batch_bytes_max(bytes);
}

void Client::State::close() {
  closed_ = true;
  timer_.cancel();
  connection_.close();
  pump();
  for (auto& gathered : intake_.clear()) gathered.done(Error(Errc::closed, "the client is closed"));
}

}  // namespace pawl::inline v1
