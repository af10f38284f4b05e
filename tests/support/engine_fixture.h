#pragma once

// The little language of the engine's tests: an engine on a memory store, on one thread, by
// hand-moved time.

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/core/engine.h"
#include "broker/store/memory_store.h"

namespace pawl::test {

using namespace std::chrono_literals;

// A batch as a producer describes it.
struct BatchSpec {
  std::string queue = "q";
  std::string type = "t";
  std::size_t jobs = 1;
  std::uint8_t priority = core::limits::kPriorityDefault;
  std::string key{};
  core::JobOptions options{};
  core::Due due{};
  std::string payload = "payload";
  std::uint64_t hash = 1;
};

class EngineFixture {
 public:
  explicit EngineFixture(core::Settings settings = {});

  // ---- producers
  core::BatchId enqueue(const BatchSpec& spec = {});  // REQUIRES: it is accepted.
  core::BatchId fresh_id(const std::string& queue = "q");
  core::Reply enqueue_as(core::BatchId batch, const BatchSpec& spec);

  // ---- workers
  struct Worker {
    core::ConnectionId connection = 0;
    core::SessionId session;
  };
  struct Leased {
    core::Token token;
    core::JobId id;
    std::uint32_t attempt = 1;
    std::string payload;
  };
  Worker worker(core::SessionId resume = {}, std::vector<core::Held> held = {});
  std::vector<Leased> fetch(const Worker& worker, std::size_t credits = 1,
                            std::vector<std::string> queues = {"q"},
                            std::vector<std::string> types = {});
  // A long poll: the ticket under which reply_to() will find the answer.
  core::Ticket park(const Worker& worker, std::size_t credits, core::Milliseconds wait);
  static std::vector<Leased> leased_of(const core::Reply& reply);
  core::Errc report(const Worker& worker, const Leased& job, core::Outcome::Kind kind,
                    std::string result = {});
  core::Errc complete(const Worker& worker, const Leased& job, std::string result = {}) {
    return report(worker, job, core::Outcome::Kind::complete, std::move(result));
  }
  core::Errc fail(const Worker& worker, const Leased& job) {
    return report(worker, job, core::Outcome::Kind::fail);
  }
  core::Errc release(const Worker& worker, const Leased& job) {
    return report(worker, job, core::Outcome::Kind::release);
  }
  bool heartbeat(const Worker& worker);
  void cut(const Worker& worker);

  // ---- anyone
  core::JobView view(core::JobId id);
  core::JobState state_of(core::JobId id) { return view(id).state; }
  core::QueueCounts counts(const std::string& queue = "q");
  core::CancelVerdict cancel(core::JobId id);
  std::vector<core::JobId> list(core::JobState state, const std::string& queue = "q",
                                std::uint32_t limit = 100);

  // ---- time and faults
  void advance(core::Milliseconds by);
  void jump_wall(core::Milliseconds by) { now_.wall += by; }
  core::Now now() const { return now_; }
  void restart();  // After a crash: what was not committed is gone, and so are all connections.
  void stop_cleanly();

  // ---- the loop by hand
  core::Reply ask(core::Command command);  // Runs until the reply is there.
  std::optional<core::Reply> reply_to(core::Ticket ticket);
  core::Ticket ticket(core::ConnectionId connection = 1) { return {connection, ++requests_}; }
  void send(core::Command command);
  void settle();  // Commits and answers reads until nothing is left to do.
  core::Engine& engine() { return *engine_; }
  store::MemoryStore& store() { return store_; }
  std::size_t commits() const { return commits_; }
  std::vector<core::Reply> pushes;

 private:
  void start();

  core::Settings settings_;
  store::MemoryStore store_;
  std::unique_ptr<core::Engine> engine_;
  core::Epoch epoch_ = 0;
  core::Now now_{core::timestamp_from_ms(1'700'000'000'000), core::wall_from_ms(1'700'000'000'000)};
  std::uint64_t requests_ = 0;
  core::ConnectionId connections_ = 100;
  std::uint64_t ids_ = 0;
  std::size_t commits_ = 0;
  std::map<core::Ticket, core::Reply> replies_;
};

// The bytes of one job as they stand in a batch.
std::string job_record(const std::string& payload);

}  // namespace pawl::test
