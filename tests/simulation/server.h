#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "broker/core/engine.h"
#include "broker/runtime/group_commit.h"
#include "broker/store/memory_store.h"
#include "tests/simulation/plan.h"
#include "tests/support/naive_model.h"

namespace pawl::simulation {

// The broker without threads and sockets: engine, group commit and a disk that takes its time. Does
// what runtime::EngineLoop does; crashes between any two steps.
class Server {
 public:
  struct Outside {
    std::function<void(core::Reply&&)> deliver;
    std::function<void()> died;
    // Every time that an epoch begins, with the store as it was found.
    std::function<void()> found;
  };

  Server(EventQueue& events, Chance& chance, const Plan& plan, test::NaiveModel& model,
         test::History& history);

  void connect(Outside outside) { outside_ = std::move(outside); }
  void start();
  void crash(std::string_view why);
  // SIGTERM: hands out nothing any more, finishes what is under way, ends.
  void stop();
  bool up() const { return group_ != nullptr; }

  void post(core::Command command);
  void jump_wall(core::Milliseconds by) { wall_offset_ += by; }
  // As if the whole world had been asleep meanwhile.
  void stand_still(core::Milliseconds by);
  void set_admission(core::Admission::Kind kind);
  void heal() { faulty_ = false; }

  core::Now now() const;
  store::MemoryStore& store() { return store_; }
  // Up, and nothing is under way inside: only time or a command can change anything.
  bool quiet() const;
  core::EngineTotals totals() const { return group_->engine().totals(); }
  // Of everything that was ever written, in order.
  std::uint64_t digest() const { return digest_; }

 private:
  using Group = runtime::GroupCommit<core::Engine>;
  enum class Life : std::uint8_t { serving, stopping };

  // Runs `what` later, unless the process has died meanwhile.
  void later(Micros delay, std::function<void()> what);
  void wake(Micros delay);
  void turn();
  void carry_out();
  void sleep();
  void write(std::shared_ptr<const core::Commit> commit);
  store::Committed apply(const core::Commit& commit);
  void answer_first(std::shared_ptr<const core::Commit> commit);
  void apply_answered();
  void conclude(const store::Committed& result);
  void read(runtime::EpochRead read);
  void begin_epoch(test::NaiveModel::End how);
  core::Now engine_now() const { return saboteur_.tamper(now()); }
  void tell(core::Command command);
  void watch(const core::Commit& commit);
  core::ReadAnswer rows_of(core::Table table);
  test::StoredLeases stored_leases();
  bool is_stored(core::Token token, const core::JobId& id);

  EventQueue& events_;
  Chance& chance_;
  const Plan& plan_;
  test::NaiveModel& model_;
  test::History& history_;
  store::MemoryStore store_;
  Saboteur saboteur_;
  Outside outside_;

  bool faulty_ = true;
  std::uint64_t process_ = 0;
  core::Milliseconds wall_offset_;
  core::Milliseconds timeline_offset_;
  std::unique_ptr<Group> group_;
  Life life_ = Life::serving;
  std::deque<core::Command> inbox_;
  core::Admission::Kind admission_ = core::Admission::Kind::open;
  std::shared_ptr<const core::Commit> writing_;
  std::deque<std::shared_ptr<const core::Commit>> answered_;  // And not applied: a sabotage.
  bool applied_ = false;  // `writing_` is in the store; nobody has been told.
  std::size_t reads_under_way_ = 0;
  bool turn_due_ = false;  // Something has come in since the last turn.
  std::optional<Micros> waking_at_;
  std::uint64_t digest_ = 0;
};

}  // namespace pawl::simulation
