#include "broker/store/log_audit.h"

#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include "broker/store/sync_mark.h"
#include "tests/store/file_bytes.h"
#include "tests/store/store_talk.h"

namespace pawl::test {

namespace {

namespace fs = std::filesystem;

// A stopped store whose commits are all in one log, commit n with n in its row.
struct Stopped {
  explicit Stopped(std::initializer_list<Sync> commits) : count(commits.size()) {
    {
      RocksHarness harness(directory.path());
      Owned owned(harness.store());
      std::size_t size = 10;
      for (const Sync sync : commits) {
        const std::string key = std::to_string(owned.next());
        ends.push_back(fs::file_size(log()));
        REQUIRE(owned.put(Table::meta, key, std::string(size, 'v'), {.sync = sync}) ==
                Outcome::durable);
        size = size * 7 % 60'000;  // Some in one block, some over several.
      }
    }
    bytes = read_file(log());
    ends.push_back(bytes.size());
  }

  // Splits the log in two, of which the second begins with the commit `next`.
  void split(std::size_t last, std::size_t next, std::size_t end) const {
    const fs::path first = log();
    const std::string number = std::to_string(std::stoul(first.stem().string()) + 1);
    const fs::path second =
        first.parent_path() / (std::string(6 - number.size(), '0') + number + ".log");
    write_file(first, bytes.substr(0, ends[last]));
    write_file(second, bytes.substr(ends[next - 1], ends[end] - ends[next - 1]));
  }

  fs::path db() const { return directory.path() / "db"; }
  fs::path log() const {
    for (const auto& entry : fs::directory_iterator(db())) {
      if (entry.path().extension() == ".log") return entry.path();
    }
    return {};
  }
  // The commit whose bytes contain the offset; 0 before the first.
  std::size_t commit_at(std::size_t offset) const {
    std::size_t commit = 0;
    while (commit < count && ends[commit] <= offset) ++commit;
    return commit;
  }

  enum class Verdict : std::uint8_t { whole, torn, damaged };
  Verdict audit(std::uint64_t mark = 0) const {
    try {
      return store::audit_logs(db(), mark).empty() ? Verdict::whole : Verdict::torn;
    } catch (const std::runtime_error& error) {
      CHECK(std::string(error.what()).find(db().string()) != std::string::npos);
      return Verdict::damaged;
    }
  }
  // Opens a copy and returns how many commits are there, all of which must be whole and the first
  // ones.
  std::size_t commits_after_opening() const {
    TempDirectory copy;
    fs::copy(directory.path(), copy.path(), fs::copy_options::recursive);
    fs::remove(copy.path() / "synced");
    RocksHarness harness(copy.path());
    Owned owned(harness.store());
    const auto rows = owned.rows(Table::meta);
    CHECK(rows.size() == owned.owner().last);
    for (std::size_t i = 1; i <= rows.size(); ++i) {
      CHECK(owned.rows(Table::meta, std::to_string(i), std::to_string(i) + "!").size() == 1);
    }
    return rows.size();
  }

  TempDirectory directory;
  std::size_t count;
  std::vector<std::size_t> ends;  // Where commit n + 1 begins.
  std::string bytes;
};

constexpr Sync kSynced = Sync::synced;
constexpr Sync kWritten = Sync::written;

}  // namespace

TEST_CASE("a log of whole records passes", "[store][audit]") {
  const Stopped stopped({kSynced, kWritten, kSynced});
  CHECK(stopped.audit() == Stopped::Verdict::whole);
  CHECK(stopped.commits_after_opening() == 3);

  write_file(stopped.log(), stopped.bytes + std::string(70'000, '\0'));
  CHECK(stopped.audit() == Stopped::Verdict::whole);
  CHECK(stopped.commits_after_opening() == 3);
}

TEST_CASE("a flipped bit before the last commit is damage, in the last one a torn tail",
          "[store][audit]") {
  const Stopped stopped({kSynced, kSynced, kSynced, kSynced, kSynced, kSynced});
  std::size_t opened = 0;
  for (std::size_t offset = stopped.ends[0]; offset < stopped.bytes.size(); offset += 997) {
    std::string flipped = stopped.bytes;
    flipped[offset] = static_cast<char>(flipped[offset] ^ 0x10);
    write_file(stopped.log(), flipped);
    CAPTURE(offset);
    if (stopped.commit_at(offset) < stopped.count) {
      CHECK(stopped.audit() == Stopped::Verdict::damaged);
    } else {
      CHECK(stopped.audit() == Stopped::Verdict::torn);
      if (++opened % 8 == 1) CHECK(stopped.commits_after_opening() == stopped.count - 1);
    }
  }
  CHECK(opened > 0);
}

TEST_CASE("each byte of a record's header counts", "[store][audit]") {
  const Stopped stopped({kSynced, kSynced, kSynced});
  for (std::size_t i = 0; i < 7; ++i) {
    for (const int bit : {1, 128}) {
      std::string flipped = stopped.bytes;
      char& byte = flipped[stopped.ends[1] + i];
      byte = static_cast<char>(byte ^ bit);
      write_file(stopped.log(), flipped);
      CHECK(stopped.audit() == Stopped::Verdict::damaged);
    }
  }
}

TEST_CASE("zeros in the middle are damage", "[store][audit]") {
  const Stopped stopped({kSynced, kSynced, kSynced, kSynced, kSynced, kSynced});
  for (std::size_t page = 4096; page + 8192 < stopped.ends[4]; page += 4096) {
    std::string zeroed = stopped.bytes;
    zeroed.replace(page, 4096, 4096, '\0');
    write_file(stopped.log(), zeroed);
    CAPTURE(page);
    CHECK(stopped.audit() == Stopped::Verdict::damaged);
  }
}

TEST_CASE("wherever the log is cut off, what is whole before is opened", "[store][audit]") {
  const Stopped stopped({kSynced, kSynced, kSynced, kSynced, kSynced});
  for (std::size_t size = stopped.ends[0]; size < stopped.bytes.size(); size += 4999) {
    write_file(stopped.log(), stopped.bytes.substr(0, size));
    CAPTURE(size);
    CHECK(stopped.audit() != Stopped::Verdict::damaged);
    const std::size_t whole = stopped.commit_at(size) - 1;
    CHECK(stopped.commits_after_opening() == whole);
  }
}

TEST_CASE("whole unsynced commits behind a torn one are let go with it", "[store][audit]") {
  const Stopped stopped({kSynced, kSynced, kWritten, kWritten, kWritten});
  std::string torn = stopped.bytes;
  torn.replace(stopped.ends[2] + 20, 8, 8, '\0');
  write_file(stopped.log(), torn);
  CHECK(stopped.audit() == Stopped::Verdict::torn);
  CHECK(stopped.commits_after_opening() == 2);
}

TEST_CASE("an unsynced commit that a later one counts on is damaged, not torn", "[store][audit]") {
  const Stopped stopped({kSynced, kWritten, kSynced, kWritten});
  std::string flipped = stopped.bytes;
  flipped[stopped.ends[1] + 20] ^= 1;
  write_file(stopped.log(), flipped);
  CHECK(stopped.audit() == Stopped::Verdict::damaged);
}

TEST_CASE("logs that go on where the one before ended are whole", "[store][audit]") {
  const Stopped stopped({kSynced, kWritten, kSynced, kSynced});
  stopped.split(2, 3, 4);
  CHECK(stopped.audit() == Stopped::Verdict::whole);
  CHECK(stopped.commits_after_opening() == 4);
}

TEST_CASE("a commit that is missing between two logs is damage when it was synced",
          "[store][audit]") {
  const Stopped stopped({kSynced, kSynced, kSynced, kSynced});
  stopped.split(1, 3, 4);
  CHECK(stopped.audit() == Stopped::Verdict::damaged);
}

TEST_CASE("a later log is let go with the unsynced end of the one before", "[store][audit]") {
  const Stopped stopped({kSynced, kWritten, kWritten, kWritten});
  stopped.split(1, 3, 4);
  CHECK(stopped.audit() == Stopped::Verdict::torn);
  CHECK(stopped.commits_after_opening() == 1);
}

TEST_CASE("a torn tail is cut off, kept and told", "[store][audit]") {
  const Stopped stopped({kSynced, kSynced});
  write_file(stopped.log(), stopped.bytes + "unfinished");
  const fs::path log = stopped.log();
  std::vector<std::string> notes;
  RocksHarness harness(stopped.directory.path(),
                       [&](std::string_view note) { notes.emplace_back(note); });

  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find(log.string()) != std::string::npos);
  CHECK(notes[0].find("10 bytes") != std::string::npos);
  CHECK(read_file(stopped.directory.path() / (log.filename().string() + ".torn")) == "unfinished");
}

TEST_CASE("what the mark tells of is damaged, not torn", "[store][audit]") {
  const Stopped stopped({kSynced, kSynced});
  const std::uint64_t mark = store::SyncMark(stopped.directory.path() / "synced").load().operation;
  CHECK(stopped.audit(mark) == Stopped::Verdict::whole);
  write_file(stopped.log(), stopped.bytes.substr(0, stopped.bytes.size() - 1));
  CHECK(stopped.audit() == Stopped::Verdict::torn);
  CHECK(stopped.audit(mark) == Stopped::Verdict::damaged);
  CHECK_THROWS(RocksHarness(stopped.directory.path()));
}

TEST_CASE("a damaged mark says nothing", "[store][audit]") {
  TempDirectory directory;
  store::SyncMark mark(directory.path() / "synced");
  CHECK(mark.load().operation == 0);
  mark.store(0x0102030405060708, 9);
  mark.store(store::ManifestMark{.number = 4, .bytes = 300});
  CHECK(mark.load().operation == 0x0102030405060708);
  CHECK(mark.load().commits == 9);
  CHECK(mark.load().manifest.number == 4);
  CHECK(mark.load().manifest.bytes == 300);
  std::string bytes = read_file(mark.path());
  bytes[3] ^= 4;
  write_file(mark.path(), bytes);
  CHECK(store::SyncMark(mark.path()).load().operation == 0);
}

TEST_CASE("a store whose CURRENT is missing is not begun afresh in its place", "[store][audit]") {
  const Stopped stopped({kSynced});
  const fs::path log = stopped.log();
  fs::remove(stopped.db() / "CURRENT");
  CHECK_THROWS_WITH(RocksHarness(stopped.directory.path()), Catch::Contains("CURRENT is missing"));
  CHECK(read_file(log) == stopped.bytes);
}

// Its unlinking may be undone by a power cut, and that of the ones behind it not.
TEST_CASE("a log that is not needed any more may stand before a hole", "[store][audit]") {
  Stopped stopped({kSynced, kSynced});
  const fs::path old = stopped.log();
  { RocksHarness next(stopped.directory.path()); }  // Has put into tables what the log held.
  {
    RocksHarness third(stopped.directory.path());
    Owned owned(third.store());
    REQUIRE(owned.put(Table::meta, "k", "v") == Outcome::durable);
  }
  // An operation is missing between it and the next log.
  write_file(old, stopped.bytes.substr(0, stopped.ends[1]));
  CHECK_NOTHROW(RocksHarness(stopped.directory.path()));
}

TEST_CASE("a stray file with a number that is too large for a log is passed over",
          "[store][audit]") {
  const Stopped stopped({kSynced, kSynced});
  const fs::path stray = stopped.db() / (std::string(21, '9') + ".log");
  write_file(stray, "mine");
  CHECK(stopped.audit() == Stopped::Verdict::whole);
  CHECK(stopped.commits_after_opening() == 2);
}

TEST_CASE("a missing log is noticed", "[store][audit]") {
  Stopped stopped({kSynced, kSynced});
  fs::remove(stopped.log());
  CHECK_THROWS(RocksHarness(stopped.directory.path()));
}

}  // namespace pawl::test
