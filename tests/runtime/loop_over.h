#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "broker/runtime/engine_loop.h"
#include "broker/runtime/system_clock.h"
#include "tests/runtime/gated_store.h"

namespace pawl::test {

using namespace std::chrono_literals;
using runtime::EngineLoop;

// Far longer than anything here takes: only a test that fails waits for it.
inline constexpr auto kPatience = 20s;

class Replies final : public runtime::ReplySink {
 public:
  void deliver(std::vector<core::Reply>&& replies) override {
    const std::lock_guard lock(mutex_);
    for (core::Reply& reply : replies) replies_[reply.ticket] = std::move(reply);
    came_.notify_all();
  }
  std::optional<core::Reply> wait_for(core::Ticket ticket) {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, kPatience, [&] { return replies_.count(ticket) != 0; })) return {};
    return replies_[ticket];
  }
  bool has(core::Ticket ticket) {
    const std::lock_guard lock(mutex_);
    return replies_.count(ticket) != 0;
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return replies_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::map<core::Ticket, core::Reply> replies_;
};

// A loop on its real threads over a store behind a gate.
struct LoopOver {
  explicit LoopOver(store::Store& below,
                    std::unique_ptr<runtime::Clock> by = std::make_unique<runtime::SystemClock>())
      : store(below), clock(std::move(by)) {}
  ~LoopOver() {
    store.commits.open();  // The loop waits for whoever stands there.
    store.reads.open();
    loop.reset();
  }
  LoopOver(const LoopOver&) = delete;
  LoopOver& operator=(const LoopOver&) = delete;

  static runtime::LoopOptions attentive() {
    runtime::LoopOptions options;
    options.look_at_space_every = 1ms;
    return options;
  }

  void start(runtime::LoopOptions options = attentive()) {
    options.on_fatal = [this](const std::string& why) {
      const std::lock_guard lock(mutex);
      fatal = why;
      died.notify_all();
    };
    loop = std::make_unique<EngineLoop>(options, store, *clock, replies);
    REQUIRE(loop->wait_until_ready(kPatience));
  }

  core::Ticket ticket() { return {1, ++requests}; }

  core::Ticket post(core::Command command) {
    const core::Ticket to = runtime::ticket_of(command);
    while (!loop->post(std::move(command), 100)) std::this_thread::yield();
    return to;
  }
  core::Ticket enqueue(std::size_t payload_bytes = 3) {
    return post(enqueue_command(payload_bytes));
  }
  // Of one job, under an id of its own.
  core::Enqueue enqueue_command(std::size_t payload_bytes = 3) {
    core::Enqueue enqueue;
    enqueue.ticket = ticket();
    enqueue.batch = {(core::to_ms(clock->now().at) << 16) | 0x7000,
                     (0x8000ULL << 48) | (enqueue.ticket.request << 12)};
    enqueue.ns = "default";
    enqueue.queue = "q";
    enqueue.job_count = 1;
    enqueue.jobs = core::Blob::copy_of(job_record(payload_bytes));
    core::JobGroup group;
    group.type = "t";
    group.jobs = core::IndexSet::single(0);
    enqueue.groups.push_back(group);
    return enqueue;
  }
  // A message's tag, length and bytes.
  static std::string job_record(std::size_t bytes) {
    std::string record = "\x0a";
    std::size_t length = bytes;
    for (; length >= 0x80; length >>= 7) record += static_cast<char>(length | 0x80);
    record += static_cast<char>(length);
    return record.append(bytes, 'j');
  }
  core::Ticket beat() {
    core::Heartbeat heartbeat;
    heartbeat.ticket = ticket();
    return post(std::move(heartbeat));
  }
  // Of a job that has to be looked for in the store.
  core::Ticket get_unknown() {
    core::GetJobs get;
    get.ticket = ticket();
    get.ids = {core::JobId{0x7000, 0x8000ULL << 48}};
    return post(std::move(get));
  }
  core::SessionId open_session() {
    core::OpenSession open;
    open.ticket = ticket();
    open.fresh = {5, 6};
    const auto reply = replies.wait_for(post(std::move(open)));
    REQUIRE(reply);
    return std::get<core::SessionOpened>(reply->body).session;
  }
  core::Heartbeat beat_of(core::SessionId session) {
    core::Heartbeat heartbeat;
    heartbeat.ticket = ticket();
    heartbeat.session = session;
    return heartbeat;
  }
  core::Errc code_of(core::Ticket to) {
    const auto reply = replies.wait_for(to);
    REQUIRE(reply);
    const auto* refused = std::get_if<core::Refused>(&reply->body);
    return refused == nullptr ? core::Errc::ok : refused->code;
  }
  std::string wait_for_death() {
    std::unique_lock lock(mutex);
    died.wait_for(lock, kPatience, [&] { return !fatal.empty(); });
    return fatal;
  }
  std::uint64_t pending() {
    core::QueueStats stats;
    stats.ticket = ticket();
    stats.ns = "default";
    const auto reply = replies.wait_for(post(std::move(stats)));
    REQUIRE(reply);
    const auto& queues = std::get<core::Counted>(reply->body).queues;
    return queues.empty() ? 0 : queues.front().pending;
  }

  GatedStore store;
  std::unique_ptr<runtime::Clock> clock;
  Replies replies;
  std::mutex mutex;
  std::condition_variable died;
  std::string fatal;
  std::uint64_t requests = 0;
  std::unique_ptr<EngineLoop> loop;
};

}  // namespace pawl::test
