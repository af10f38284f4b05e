#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/faults/fault_store.h"

namespace pawl::test {

namespace {

using Unsynced = DiskState::Unsynced;
constexpr int kCommits = 120;

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

// Fails each operation the first, the second, ... time; most of them do not happen often.
void fail_each(const std::vector<Operation>& operations) {
  std::vector<FaultFs::Rule> rules;
  for (const Operation& operation : operations) {
    for (std::size_t nth = 1; nth < 120; nth += 1 + nth / 2) {
      rules.push_back({operation.kind, operation.op, nth, operation.effect});
    }
  }
  const auto lives = in_parallel(rules.size(), [&](std::size_t i) { return live(rules[i]); });
  for (std::size_t i = 0; i < lives.size(); ++i) {
    CAPTURE(to_string(rules[i].kind), to_string(rules[i].op), rules[i].nth);
    CHECK(lives[i].wrong == std::vector<std::string>{});
    // A MANIFEST stays open as long as the store.
    if (rules[i].nth == 1 && rules[i].op != FileOp::close) CHECK(lives[i].fired);
  }
}

}  // namespace

TEST_CASE("whichever sync fails, nothing is called durable after it and nothing synced is lost",
          "[faults][store]") {
  std::vector<Operation> syncs;
  for (const FileKind kind : {FileKind::wal, FileKind::sst, FileKind::blob, FileKind::manifest,
                              FileKind::current, FileKind::dir}) {
    syncs.push_back({kind, FileOp::sync});
  }
  fail_each(syncs);
}

TEST_CASE("whichever write fails, nothing is called durable after it and nothing synced is lost",
          "[faults][store]") {
  std::vector<Operation> writes;
  for (const FileKind kind :
       {FileKind::wal, FileKind::sst, FileKind::blob, FileKind::manifest, FileKind::current}) {
    writes.push_back({kind, FileOp::append});
    writes.push_back({kind, FileOp::append, FaultFs::Rule::Effect::short_write});
  }
  fail_each(writes);
}

TEST_CASE("whichever file cannot be made, closed, renamed or removed, nothing synced is lost",
          "[faults][store]") {
  std::vector<Operation> others = {{FileKind::current, FileOp::rename},
                                   {FileKind::sst, FileOp::truncate},
                                   {FileKind::blob, FileOp::truncate},
                                   {FileKind::sst, FileOp::remove},
                                   {FileKind::wal, FileOp::remove}};
  for (const FileKind kind : {FileKind::wal, FileKind::sst, FileKind::blob, FileKind::manifest}) {
    others.push_back({kind, FileOp::create});
    others.push_back({kind, FileOp::close});
  }
  fail_each(others);
}

TEST_CASE("whichever read fails, no answer is wrong", "[faults][store]") {
  fail_each({{FileKind::sst, FileOp::read},
             {FileKind::blob, FileOp::read},
             {FileKind::manifest, FileOp::read}});
}

}  // namespace pawl::test
