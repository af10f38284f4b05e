#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/faults/fault_store.h"

namespace pawl::test {

namespace {

using Unsynced = DiskState::Unsynced;
constexpr int kCommits = 160;

struct Operation {
  FileKind kind;
  FileOp op;
  FaultFs::Rule::Effect effect = FaultFs::Rule::Effect::io_error;
};

// What a broker's life on a disk that fails once has left behind.
struct Life {
  bool fired = false;
  std::vector<std::string> wrong;
};

void serve(store::Store& store, Ledger& ledger, Life& life) {
  bool failed = false;
  for (int i = 0; i < kCommits; ++i) {
    const bool durable = ledger.commit(store, i % 3 == 0 ? Sync::written : Sync::synced);
    if (durable && failed) life.wrong.emplace_back("a commit was durable after one that was not");
    failed |= !durable;
  }
}

// What is wrong with what the next broker finds.
void start_again(const std::filesystem::path& directory, core::CommitSeq at_least, Life& life) {
  try {
    FaultStore again(directory);
    again.open();
    Ledger found;
    found.begin(again.store());
    for (const std::string& what : found.complaints()) life.wrong.push_back(what);
    if (found.last() >= at_least) return;
    life.wrong.push_back(fmt::format("the last commit is {} and not {}", found.last(), at_least));
  } catch (const std::runtime_error& error) {
    life.wrong.emplace_back(error.what());
  }
}

Life live(const FaultFs::Rule& rule) {
  TempDirectory directory;
  copy_directory(filled_directory(), directory.path() / "data");
  Life life;
  Ledger ledger;
  {
    FaultStore faulty(directory.path() / "data");
    faulty.disk().fail(rule);
    try {
      faulty.open();
      ledger.begin(faulty.store());
      serve(faulty.store(), ledger, life);
    } catch (const std::runtime_error&) {
      // It did not start.
    }
    faulty.disk().copy(Unsynced::kept, directory.path() / "kept");
    faulty.disk().copy(Unsynced::dropped, directory.path() / "dropped");
    life.fired = faulty.disk().fired();
  }
  for (const std::string& what : ledger.complaints()) life.wrong.push_back(what);
  start_again(directory.path() / "kept", ledger.told(), life);
  start_again(directory.path() / "dropped", ledger.synced(), life);
  return life;
}

// Fails the first, the second, ... until it does not happen so often. Returns how often it failed.
std::size_t fail_each(const Operation& operation) {
  std::vector<std::size_t> tries;
  for (std::size_t nth = 1; nth < 150; nth += 1 + nth / 2) tries.push_back(nth);
  const auto lives = in_parallel(tries.size(), [&](std::size_t i) {
    return live({operation.kind, operation.op, tries[i], operation.effect});
  });
  std::size_t fired = 0;
  for (std::size_t i = 0; i < lives.size(); ++i) {
    CAPTURE(to_string(operation.kind), to_string(operation.op), tries[i]);
    CHECK(lives[i].wrong == std::vector<std::string>{});
    fired += lives[i].fired ? 1 : 0;
  }
  return fired;
}

}  // namespace

TEST_CASE("whichever sync fails, nothing is called durable after it and nothing synced is lost",
          "[faults][store]") {
  for (const FileKind kind : {FileKind::wal, FileKind::sst, FileKind::blob, FileKind::manifest,
                              FileKind::current, FileKind::dir}) {
    CAPTURE(to_string(kind));
    CHECK(fail_each({kind, FileOp::sync}) > 0);
  }
}

TEST_CASE("whichever write fails, nothing is called durable after it and nothing synced is lost",
          "[faults][store]") {
  const auto effect = GENERATE(FaultFs::Rule::Effect::io_error, FaultFs::Rule::Effect::short_write);
  for (const FileKind kind :
       {FileKind::wal, FileKind::sst, FileKind::blob, FileKind::manifest, FileKind::current}) {
    CAPTURE(to_string(kind));
    CHECK(fail_each({kind, FileOp::append, effect}) > 0);
  }
}

TEST_CASE("whichever file cannot be made, closed or renamed, nothing synced is lost",
          "[faults][store]") {
  for (const FileKind kind : {FileKind::wal, FileKind::sst, FileKind::blob, FileKind::manifest}) {
    CAPTURE(to_string(kind));
    CHECK(fail_each({kind, FileOp::create}) > 0);
    fail_each({kind, FileOp::close});
    fail_each({kind, FileOp::truncate});
  }
  CHECK(fail_each({FileKind::current, FileOp::rename}) > 0);
  CHECK(fail_each({FileKind::sst, FileOp::remove}) > 0);
  CHECK(fail_each({FileKind::wal, FileOp::remove}) > 0);
}

TEST_CASE("whichever read fails, no answer is wrong", "[faults][store]") {
  for (const FileKind kind : {FileKind::sst, FileKind::blob, FileKind::manifest}) {
    CAPTURE(to_string(kind));
    CHECK(fail_each({kind, FileOp::read}) > 0);
  }
}

}  // namespace pawl::test
