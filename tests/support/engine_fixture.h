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
#include "broker/core/fsck.h"
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
  explicit EngineFixture(core::Settings settings = {}, store::MemoryOptions options = {});

  // ---- producers
  core::BatchId enqueue(const BatchSpec& spec = {});  // REQUIRES: it is accepted.
  core::BatchId fresh_id(const std::string& queue = "q");
  core::Reply enqueue_as(core::BatchId batch, const BatchSpec& spec) {
    return ask(enqueue_of(ticket(), batch, spec));
  }
  static core::Enqueue enqueue_of(core::Ticket ticket, core::BatchId batch, const BatchSpec& spec);

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
  // The worker on a new connection: it lists what it holds.
  Worker back(const Worker& worker, const std::vector<Leased>& held);
  std::vector<Leased> fetch(const Worker& worker, std::size_t credits = 1,
                            std::vector<std::string> queues = {"q"},
                            std::vector<std::string> types = {});
  // A long poll: the ticket under which reply_to() will find the answer.
  core::Ticket park(const Worker& worker, std::size_t credits, core::Milliseconds wait);
  static std::vector<Leased> leased_of(const core::Reply& reply);
  static core::Outcome outcome_of(const Leased& job, core::Outcome::Kind kind,
                                  std::string result = {});
  core::Errc report(const Worker& worker, core::Outcome outcome);
  core::Errc report(const Worker& worker, const Leased& job, core::Outcome::Kind kind,
                    std::string result = {}) {
    return report(worker, outcome_of(job, kind, std::move(result)));
  }
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
  core::CancelVerdict cancel(core::JobId id) { return cancel(std::vector{id}).front(); }
  std::vector<core::CancelVerdict> cancel(std::vector<core::JobId> ids);
  std::vector<core::JobId> list(core::JobState state, const std::string& queue = "q",
                                std::uint32_t limit = 100);

  // ---- time and faults
  void advance(core::Milliseconds by);
  void jump_wall(core::Milliseconds by) { now_.wall += by; }
  core::Now now() const { return now_; }
  void restart();  // After a crash: what was not committed is gone, and so are all connections.
  void stop_cleanly();

  // ---- a slow store
  // It may answer with the rows of when it was asked, or with those of when the answer comes.
  enum class Rows : std::uint8_t { as_asked, as_answered };
  void hold_reads(Rows rows);  // From now on reads stay under way until answer_reads().
  void answer_reads();         // Those that are under way; what they lead to is held again.
  std::vector<core::Read> reads_under_way() const;
  void hold_commits();  // From now on a commit stays under way until write_commit().
  void write_commit();  // REQUIRES: one is under way. The next one is held again.
  const core::Commit* commit_under_way() const { return writing_.get(); }
  void let_go();  // Answers and writes everything, and holds nothing any more.

  // ---- what is stored
  std::vector<core::StoredRow> rows();
  bool is_stored(core::Token grant);
  std::vector<std::string> disagreements();  // Of the tables, one with another.

  // ---- the loop by hand
  core::Reply ask(core::Command command);  // Runs until the reply is there.
  // Asks and lets the reply come when it can: the ticket under which reply_to() will find it.
  core::Ticket post(core::Command command);
  std::optional<core::Reply> reply_to(core::Ticket ticket);
  core::Ticket ticket(core::ConnectionId connection = 1) { return {connection, ++requests_}; }
  void send(core::Command command);
  void settle();  // Commits and answers reads until nothing is left to do.
  core::Engine& engine() { return *engine_; }
  store::MemoryStore& store() { return store_; }
  std::size_t commits() const { return commits_; }
  std::vector<core::Reply> pushes;

 private:
  struct HeldRead {
    core::Read read;
    std::optional<core::ReadAnswer> answer;  // With the rows of when it was asked.
  };

  void start();
  void write(const core::Commit& commit);
  void deliver(core::Reply reply);
  void pass_on(const core::Read& read);
  core::ReadAnswer answer_to(const core::Read& read);

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

  std::optional<Rows> reads_held_;
  std::deque<HeldRead> held_reads_;
  bool commits_held_ = false;
  std::shared_ptr<const core::Commit> writing_;
  core::CommitSeq durable_ = 0;
  std::deque<core::Reply> waiting_;  // For a commit that is not durable yet.
};

// The bytes of one job as they stand in a batch.
std::string job_record(const std::string& payload);

// ok: it was not refused as a whole.
core::Errc code_of(const core::Reply& reply);

// The jobs of a batch from index `from` up to `to`, `to` not included.
std::vector<core::JobId> jobs_of(const core::BatchId& batch, std::size_t from, std::size_t to);

}  // namespace pawl::test
