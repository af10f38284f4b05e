#pragma once

// Start reading at run(): one turn of the engine's thread after the other.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "broker/core/engine.h"
#include "broker/runtime/clock.h"
#include "broker/runtime/committer.h"
#include "broker/runtime/counters.h"
#include "broker/runtime/doorbell.h"
#include "broker/runtime/event_lane.h"
#include "broker/runtime/group_commit.h"
#include "broker/runtime/inbox.h"
#include "broker/runtime/reader.h"
#include "broker/runtime/reply_sink.h"

namespace pawl::runtime {

struct LoopOptions {
  core::ShardId shard = 0;
  core::Settings settings;
  std::uint64_t seed = 0;

  std::size_t inbox_commands = 4096;  // A power of two.
  std::size_t inbox_bytes = 32 << 20;

  // New jobs are refused below this, or below an eighth of a small disk, until an eighth more is
  // free.
  std::uint64_t min_free_bytes = 256 << 20;

  // And also whenever an eighth of what has to stay free was written.
  std::chrono::milliseconds look_at_space_every{1000};

  // Who writes a commit while there is more to do: a thread of its own, or the engine's. When
  // there is nothing: always the engine's.
  enum class WhenBusy : std::uint8_t { hand_off, in_line } when_busy = WhenBusy::hand_off;

  // New jobs are refused from here on, or taken again. Called from a thread of the loop's own.
  struct SpaceNote {
    core::Admission::Kind admission = core::Admission::Kind::open;
    std::uint64_t free_bytes = 0;
    std::uint64_t floor_bytes = 0;   // Refused below this,
    std::uint64_t enough_bytes = 0;  // taken again from here on.
  };
  std::function<void(const SpaceNote&)> on_space;

  // Has whoever posts commands post what has reached them by now, and then calls `done`, from any
  // thread. Nobody is taken for silent before: when the process or its machine stood still, so did
  // they. At most one is under way. By default nothing waits anywhere but in the inbox.
  using Done = std::function<void()>;
  std::function<void(Done)> catch_up = [](const Done& done) { done(); };

  // The store cannot be trusted any more: nothing that depends on it leaves after this. Called
  // once, from the engine's thread; the process has to end.
  std::function<void(const std::string& why)> on_fatal;
};

// One shard's engine at work on its own threads. Commands come in by post() from any thread;
// replies leave through the sink when what they tell is durable.
class EngineLoop {
 public:
  // Acquires the shard; throws what Store::acquire throws. All of them must outlive the loop.
  EngineLoop(LoopOptions options, store::Store& store, Clock& clock, ReplySink& sink);
  ~EngineLoop();
  EngineLoop(const EngineLoop&) = delete;
  EngineLoop& operator=(const EngineLoop&) = delete;

  // False when the inbox is full or the loop is ending: the caller answers `overloaded` or
  // `unavailable`, and the command is untouched. `bytes` is what the command keeps in memory: its
  // frame. An eighth of the inbox is kept for what ends work and keeps leases: reports, sessions
  // that open, connections that are gone.
  [[nodiscard]] bool post(core::Command&& command, std::size_t bytes);

  // For what must get through and is bounded by whoever posts it: a heartbeat per connection.
  void post_always(core::Command&& command);

  // Nothing is leased from here on; everything else goes on.
  void stop_leasing();

  enum class Stopped : std::uint8_t { clean, cut_off };
  // Takes no more commands, finishes what was taken and writes the last commit. cut_off: that took
  // longer than `within`; the rest was not acknowledged, and a thread may still hang in the store.
  // The destructor waits for it: a process that has to end in time does so without.
  Stopped stop(std::chrono::milliseconds within);

  // Whether the engine has read back what it needs and serves.
  bool wait_until_ready(std::chrono::milliseconds at_most);

  core::EngineTotals totals() const;  // At most about a second old.
  const Counters& counters() const { return counters_; }

 private:
  using Group = GroupCommit<core::Engine>;
  enum class Life : std::uint8_t { serving, stopping, cut_off };
  enum class Leasing : std::uint8_t { on, off };

  void run();
  void turn();
  void take_events(core::Now now);
  void take(Event&& event, core::Now now);
  void execute(core::Command&& command, core::Now now);
  void take_commands(core::Now now);
  void hear();
  void ask_for_unheard(core::Timestamp now);
  bool stop_is_next() const;
  void carry_out(core::Now now);
  enum class Written : std::uint8_t { already, later };
  Written write(std::shared_ptr<const core::Commit> commit);
  void conclude(const store::Committed& result);
  void begin_epoch();
  void publish(core::Now now);
  void sleep(core::Now now);
  bool ended();
  void fail(const std::string& why);

  // On whichever thread has the job.
  store::Committed commit_now(const core::Commit& commit);
  void note_written(std::size_t bytes);
  void answer_read(EpochRead&& read);
  void look_at_space();

  const LoopOptions options_;
  store::Store& store_;
  Clock& clock_;
  ReplySink& sink_;
  Counters counters_;

  Inbox<core::Command> inbox_;
  EventLane events_;
  Doorbell bell_;
  std::atomic<Life> life_{Life::serving};
  std::atomic<core::Admission::Kind> admission_{core::Admission::Kind::open};
  std::atomic<std::uint64_t> unseen_bytes_{0};      // Written since the space was looked at.
  std::atomic<std::uint64_t> unseen_bytes_max_{0};  // With more it is looked at at once.

  // Of the engine's thread.
  Group group_;
  std::vector<Event> taken_;
  std::size_t reads_under_way_ = 0;
  Leasing leasing_ = Leasing::on;
  core::Timestamp heard_{};  // What had reached the broker by then has been executed.
  struct Listening {
    enum class Stage : std::uint8_t { over, asked, posted } stage = Stage::over;
    core::Timestamp at{};
    std::size_t posted = 0;  // When so many have been taken, everything up to `at` has been heard.
  } listening_;
  core::Timestamp published_at_{};

  mutable std::mutex mutex_;  // Of what follows, up to the threads.
  std::condition_variable changed_;
  core::EngineTotals totals_;
  enum class Ready : std::uint8_t { not_yet, yes } ready_ = Ready::not_yet;
  std::optional<Stopped> stopped_;

  std::unique_ptr<Reader> reader_;
  std::unique_ptr<Committer> committer_;  // Ends first: it tells the reader what was written.
  std::thread thread_;
};

}  // namespace pawl::runtime
