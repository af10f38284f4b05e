#include "worker/runtime.h"

#include <unistd.h>
#include <utility>

#include <boost/asio/ip/host_name.hpp>
#include <boost/asio/post.hpp>

#include "client/hello_text.h"
#include "worker/decode.h"
#include "worker/op_call.h"
#include "worker/worker_id.h"

namespace pawl::worker {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr std::size_t kHostBytesMax = 255;
// A heartbeat that takes longer counts for nothing.
constexpr Duration kHeartbeatWait = 30s;
// How long threads get to end whose handlers have.
constexpr Duration kJoinWait = 1s;
// Until there may be room for a thread again.
constexpr Duration kThreadsWait = 1s;

TimePoint now() {
  return std::chrono::steady_clock::now();
}

std::string host_name() {
  boost::system::error_code ignored;
  return client::hello_text(asio::ip::host_name(ignored), kHostBytesMax);
}

SessionOptions session_options(const WorkerOptions& options) {
  return {.concurrency = options.concurrency(), .stop_wait = options.stop_wait()};
}

Error another_kind(const char* request) {
  return Error(Errc::protocol_error,
               std::string("the answer to a ") + request + " is of another kind");
}

}  // namespace

Runtime::Runtime(const WorkerOptions& options, Subscription subscription,
                 std::shared_ptr<Surroundings> surroundings)
    : options_(options),
      subscription_(std::move(subscription)),
      surroundings_(std::move(surroundings)),
      host_(host_name()),
      work_(context_.get_executor()),
      timer_(context_),
      signals_(context_),
      connection_(context_, options.connection(),
                  {.make_hello = [this] { return hello(); },
                   .on_connected = [this](const pb::HelloReply& reply) { on_connected(reply); },
                   .on_disconnected = [this](const Error& why) { on_disconnected(why); },
                   .on_push = [this](const pb::Reply& push) { on_push(push); }}),
      pool_(std::make_shared<Pool>(options.concurrency(),
                                   [this] { asio::post(context_, [this] { pump(); }); })),
      fsm_(session_options(options)),
      runs_(options.concurrency()) {
  if (surroundings_->worker_id.empty()) {
    surroundings_->worker_id = default_worker_id(host_, getpid());
  }
}

Runtime::~Runtime() {
  pool_->close();
  if (thread_.joinable()) thread_.join();
  pool_->join(now() + (all_returned_ ? kJoinWait : 0s));
}

void Runtime::start() {
  thread_ = std::thread([this] {
    connection_.start();
    context_.run();
  });
}

void Runtime::heed(const std::vector<int>& signals, Duration grace) {
  for (const int signal : signals) signals_.add(signal);
  await_signal(grace);
}

void Runtime::await_signal(Duration grace) {
  signals_.async_wait([this, grace](boost::system::error_code cancelled, int) {
    // One that came as the worker ended must not be waited after: the thread would never end.
    if (cancelled || fsm_.ended()) return;
    if (signal_repeats_.is_repeat(now())) return await_signal(grace);
    if (std::exchange(drain_asked_, true)) {
      log(LogLevel::warning, "second signal: handing back what runs");
      fsm_.hurry(now());
    } else {
      log(LogLevel::info, "draining: waiting for the jobs that run; a second signal ends it");
      fsm_.drain(grace, now());
    }
    await_signal(grace);
    pump();
  });
}

void Runtime::drain(Duration grace) {
  asio::post(context_, [this, grace] {
    drain_asked_ = true;
    fsm_.drain(grace, now());
    pump();
  });
}

void Runtime::wait() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return has_ended_; });
}

std::optional<Error> Runtime::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

std::size_t Runtime::handed_back() const {
  const std::lock_guard lock(mutex_);
  return handed_back_;
}

// ---- News from the connection. What it leads to is left to pump(): nothing may be sent from here.

pb::Hello Runtime::hello() const {
  pb::Hello hello;
  pb::WorkerHello& worker = *hello.mutable_worker();
  worker.set_worker_id(surroundings_->worker_id);
  worker.set_host(host_);
  worker.set_pid(static_cast<std::uint32_t>(getpid()));
  worker.set_resume_session(fsm_.session());
  if (!fsm_.session().empty()) add_held(worker, fsm_.held());
  return hello;
}

void Runtime::on_connected(const pb::HelloReply& reply) {
  was_connected_ = true;
  fsm_.on_connected(greeting_of(reply), now());
  schedule_pump();
}

void Runtime::on_disconnected(const Error& why) {
  fsm_.on_disconnected(now());
  // Who is refused at the door does not belong here; but a broker that knew this worker may come to
  // itself.
  if (refuses_for_good(why.code()) && !was_connected_) fsm_.refuse(why, now());
  schedule_pump();
}

void Runtime::on_push(const pb::Reply& push) {
  if (push.has_cancelled()) fsm_.on_cancelled(lease_of(push.cancelled()));
  if (push.has_stop()) fsm_.on_broker_stopping(now());
  schedule_pump();
}

const Handler* Runtime::handler_of(const std::string& type) const {
  const auto found = surroundings_->handlers.find(type);
  if (found != surroundings_->handlers.end()) return &found->second;
  return surroundings_->default_handler ? &surroundings_->default_handler : nullptr;
}

void Runtime::on_fetched(const FetchOrder& order, const pb::FetchReply& reply) {
  const TimePoint at = now();
  std::vector<std::shared_ptr<Run>> fetched = runs_of(reply);
  std::vector<Started> jobs;
  jobs.reserve(fetched.size());
  for (const auto& run : fetched) {
    jobs.push_back({.lease = run->lease, .run_time_limit = run->run_time_limit});
  }
  const auto slots = fsm_.on_fetched(order.number, jobs, at);
  std::vector<std::shared_ptr<Run>> runs;
  runs.reserve(fetched.size());
  for (std::size_t i = 0; i < fetched.size(); ++i) {
    if (!slots[i]) continue;
    Run& run = *fetched[i];
    run.slot = *slots[i];
    run.surroundings = surroundings_;
    run.handler = handler_of(run.type);
    if (run.run_time_limit) run.deadline = at + *run.run_time_limit;
    if (run.handler == nullptr) {
      // Not asked for: somebody else may know the type.
      log(LogLevel::warning, "no handler for the type " + run.type);
      fsm_.on_finished(run.slot, {.kind = OutcomeKind::release}, at);
      continue;
    }
    runs_[run.slot] = fetched[i];
    runs.push_back(std::move(fetched[i]));
  }
  if (!runs.empty()) hand_back(pool_->add(std::move(runs)), at);
  schedule_pump();
}

// Those for which this system has no thread: somebody else may have one.
void Runtime::hand_back(const std::vector<std::shared_ptr<Run>>& stranded, TimePoint at) {
  if (stranded.empty()) return;
  log(LogLevel::warning, "no thread can be made to run a handler: " +
                             std::to_string(stranded.size()) + " jobs are handed back");
  for (const std::shared_ptr<Run>& run : stranded) {
    runs_[run->slot].reset();
    fsm_.on_finished(run->slot, {.kind = OutcomeKind::release}, at);
  }
  fsm_.pause_fetching(kThreadsWait, at);
}

// ---- Orders.

void Runtime::schedule_pump() {
  if (std::exchange(pump_scheduled_, true)) return;
  asio::post(context_, [this] { pump(); });
}

void Runtime::pump() {
  pump_scheduled_ = false;
  const TimePoint at = now();
  take_finished(at);
  fsm_.advance(at);
  obey(at);
  if (fsm_.ended()) return end();
  connection_.step();
  arm();
}

void Runtime::take_finished(TimePoint at) {
  for (FinishedRun& finished : pool_->take_finished()) {
    runs_[finished.slot].reset();
    fsm_.on_finished(finished.slot, std::move(finished.outcome), at);
  }
}

void Runtime::obey(TimePoint at) {
  while (const auto order = fsm_.next_stop()) {
    const auto run = runs_[order->slot];
    if (!run) continue;
    run->stop_reason.store(order->reason);
    run->stop.request_stop();
  }
  if (const auto why = fsm_.next_reconnect()) connection_.reconnect(*why);
  if (fsm_.heartbeat_due(at)) send_heartbeat(at);
  while (const auto order = fsm_.next_report(at)) send_report(*order);
  if (fsm_.end_fetch_due()) send_end_fetch();
  if (const auto order = fsm_.next_fetch(at)) send_fetch(*order);
  while (const auto note = fsm_.next_note()) log(LogLevel::warning, *note);
  surroundings_->lease_until.store(fsm_.lease_until().time_since_epoch().count());
}

void Runtime::send_heartbeat(TimePoint at) {
  const client::CallPolicy policy{.deadline = at + kHeartbeatWait,
                                  .when_cut = client::WhenCut::fail,
                                  .when_refused = client::WhenRefused::fail};
  OpCall::Hooks hooks;
  hooks.append = append_heartbeat_op;
  hooks.on_reply = [this, at](pb::Reply&) {
    fsm_.on_heartbeat(at);
    schedule_pump();
  };
  hooks.on_failed = [this](const Error& error) {
    fsm_.on_heartbeat_failed(error);
    schedule_pump();
  };
  connection_.submit(std::make_unique<OpCall>(policy, std::move(hooks)));
}

void Runtime::send_end_fetch() {
  const client::CallPolicy policy{.deadline = TimePoint::max(),
                                  .when_cut = client::WhenCut::fail,
                                  .when_refused = client::WhenRefused::fail};
  OpCall::Hooks hooks;
  hooks.append = append_end_fetch_op;
  hooks.on_reply = [](pb::Reply&) {};  // The fetch itself is answered.
  hooks.on_failed = [this](const Error& error) {
    fsm_.on_end_fetch_failed(error);
    schedule_pump();
  };
  connection_.submit(std::make_unique<OpCall>(policy, std::move(hooks)));
}

void Runtime::send_report(const ReportOrder& order) {
  const client::CallPolicy policy{.deadline = TimePoint::max()};
  connection_.submit(std::make_unique<OpCall>(
      policy, OpCall::Hooks{
                  .append = [jobs = order.jobs](std::string& out) { append_report_op(out, *jobs); },
                  .on_reply =
                      [this, order](pb::Reply& reply) {
                        if (reply.has_report()) {
                          fsm_.on_reported(order.number, refusals_of(reply.report(), *order.jobs),
                                           now());
                        } else {
                          fsm_.on_report_failed(order.number, another_kind("report"), now());
                        }
                        schedule_pump();
                      },
                  .on_failed =
                      [this, number = order.number](const Error& error) {
                        fsm_.on_report_failed(number, error, now());
                        schedule_pump();
                      }}));
}

void Runtime::send_fetch(const FetchOrder& order) {
  // The session sees to it when the answer does not come.
  const client::CallPolicy policy{.deadline = TimePoint::max(),
                                  .when_cut = client::WhenCut::fail,
                                  .when_refused = client::WhenRefused::fail};
  connection_.submit(std::make_unique<OpCall>(
      policy,
      OpCall::Hooks{
          .append = [this, order](std::string& out) { append_fetch_op(out, subscription_, order); },
          .on_reply =
              [this, order](pb::Reply& reply) {
                if (reply.has_fetch()) return on_fetched(order, reply.fetch());
                fsm_.on_fetch_failed(order.number, another_kind("fetch"), now());
                schedule_pump();
              },
          .on_failed =
              [this, number = order.number](const Error& error) {
                fsm_.on_fetch_failed(number, error, now());
                schedule_pump();
              }}));
}

void Runtime::arm() {
  const TimePoint next = fsm_.next_deadline();
  if (next >= armed_) return;
  armed_ = next;
  timer_.expires_at(next);
  timer_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    armed_ = TimePoint::max();
    pump();
  });
}

void Runtime::end() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(has_ended_, true)) return;
    failure_ = fsm_.failure();
    handed_back_ = fsm_.handed_back();
    all_returned_ = fsm_.abandoned() == 0;
    ended_.notify_all();
  }
  if (handed_back_ > 0) {
    log(LogLevel::warning, "handed back " + std::to_string(handed_back_) + " of the jobs that ran");
  }
  pool_->close();
  connection_.close();
  boost::system::error_code ignored;
  signals_.cancel(ignored);
  timer_.cancel();
  work_.reset();
}

void Runtime::log(LogLevel level, const std::string& text) const {
  if (surroundings_->log) surroundings_->log(level, text);
}

}  // namespace pawl::worker
