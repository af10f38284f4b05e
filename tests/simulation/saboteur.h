#pragma once

#include <cstdint>
#include <memory>
#include <set>

#include "broker/core/changes.h"
#include "broker/core/command.h"
#include "tests/support/naive_model.h"

namespace pawl::simulation {

// What a broken broker might do. The checker has to find out about each, or it checks nothing.
struct Sabotage {
  enum class Kind : std::uint8_t {
    none,
    drop_puts,               // Of one table.
    ignore_synced,           // Nothing waits for the disk.
    erase_early,             // Batches go when they are closed.
    answer_before_write,     // A commit counts before it is in the store.
    fast_clock,              // 50 ms ahead.
    newest_token,            // Reports with any token count.
    let_duplicates_through,  // A batch that is sent again becomes a second one.
  };
  Kind kind = Kind::none;
  core::Table table = core::Table::meta;
};

// Sits between the parts of a simulated broker, and does what it was told to.
class Saboteur {
 public:
  explicit Saboteur(Sabotage sabotage) : sabotage_(sabotage) {}

  // What is written in place of `commit`; null: itself.
  std::shared_ptr<const core::Commit> instead_of(const core::Commit& commit) const;
  void tamper(core::Command& command, const test::NaiveModel& model);
  core::Now tamper(core::Now now) const;
  bool answers_before_writing() const { return does(Sabotage::Kind::answer_before_write); }

 private:
  bool does(Sabotage::Kind kind) const { return sabotage_.kind == kind; }

  const Sabotage sabotage_;
  std::set<core::BatchId> seen_;
  std::uint64_t copies_ = 0;
};

}  // namespace pawl::simulation
