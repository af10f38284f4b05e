#include <algorithm>
#include <cstdlib>
#include <optional>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/faults/fault_store.h"
#include "tests/store/file_bytes.h"

namespace pawl::test {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kSeeds = 240;

enum class Damage : std::uint8_t { bits, page, truncation, deletion, older_copy };
constexpr const char* kDamages[] = {"bits", "page", "truncation", "deletion", "older copy"};

// The state before the last commits of filled_directory().
const fs::path& older_directory() {
  static const TempDirectory directory;
  static const fs::path made = [] {
    copy_directory(filled_directory(), directory.path() / "data");
    FaultStore store(directory.path() / "data");
    store.disk().copy(DiskState::Unsynced::kept, directory.path() / "older");
    store.open();
    Ledger ledger;
    ledger.begin(store.store());
    for (int i = 0; i < 40; ++i) ledger.commit(store.store(), Sync::synced);
    return store.directory();
  }();
  return made;
}

// One stopped store, damaged in one place.
struct Damaged {
  explicit Damaged(std::uint64_t seed) : random(seed) {
    copy_directory(older_directory(), data());
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(data() / "db")) {
      if (kind_of(entry.path().filename()) != FileKind::other) files.push_back(entry.path());
    }
    files.push_back(data() / "synced");
    std::sort(files.begin(), files.end());
    // Kinds by turns, since most files are tables.
    const FileKind kind{static_cast<std::uint8_t>(seed % kFileKinds)};
    std::erase_if(files, [&](const fs::path& path) { return kind_of(path.filename()) != kind; });
    if (files.empty()) return;
    file = files[draw(random, files.size())];
    damage = Damage{static_cast<std::uint8_t>(seed / kFileKinds % std::size(kDamages))};
    apply();
  }

  fs::path data() const { return directory.path() / "data"; }

  void apply() {
    const std::string before = read_file(file);
    std::string bytes = before;
    if (damage == Damage::bits && !bytes.empty()) {
      for (std::uint64_t left = 1 + draw(random, 8); left != 0; --left) {
        char& byte = bytes[draw(random, bytes.size())];
        byte = static_cast<char>(byte ^ (1 << draw(random, 8)));
      }
    }
    if (damage == Damage::page && !bytes.empty()) {
      const std::size_t page = draw(random, bytes.size()) / 4096 * 4096;
      const std::size_t size = std::min<std::size_t>(4096, bytes.size() - page);
      bytes.replace(page, size, size, '\0');
    }
    if (damage == Damage::truncation) bytes.resize(draw(random, bytes.size() + 1));
    if (damage == Damage::older_copy) {
      const fs::path name = kind_of(file.filename()) == FileKind::other ? "" : "db";
      bytes = read_file(older_directory().parent_path() / "older" / name / file.filename());
    }
    write_file(file, bytes);
    if (damage == Damage::deletion) fs::remove(file);
    harmless = bytes == before && damage != Damage::deletion;
  }

  Random random;
  TempDirectory directory;
  fs::path file;
  Damage damage = Damage::bits;
  bool harmless = false;
};

struct Verdict {
  std::string what;  // Which file, and what was done to it.
  std::string told;  // The error, when there was one.
  std::vector<std::string> silent;
  bool named = false;
  FileKind kind = FileKind::other;
  Damage damage = Damage::bits;
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// Whether somebody who reads the error knows where to look. RocksDB knows missing files by their
// number, a log's beginning is the end of the one before it, an old CURRENT leads to what is gone,
// of a blob it says only that it is one, and of a table whose properties are damaged only that some
// are.
bool names_place(const std::string& told, const std::string& name) {
  if (contains(told, name)) return true;
  const std::string number = std::to_string(std::strtoull(name.c_str(), nullptr, 10));
  switch (kind_of(name)) {
    case FileKind::wal:
      return contains(told, "log number: " + number) || contains(told, ".log is damaged") ||
             contains(told, "a log is missing");
    case FileKind::sst:
      return contains(told, number + ".ldb") || contains(told, "on file " + number) ||
             contains(told, "properties unsorted");
    case FileKind::blob:
      return contains(told, "lob ") || contains(told, "reading blob");
    case FileKind::current:
      return contains(told, "MANIFEST-");
    default:
      return false;
  }
}

core::CommitSeq expected_last() {
  return kFilledCommits + 40;
}

Verdict judge(std::uint64_t seed) {
  const Damaged damaged(seed);
  const std::string name = damaged.file.filename().string();
  Verdict verdict;
  if (name.empty()) return verdict;
  verdict.kind = kind_of(name);
  verdict.damage = damaged.damage;
  verdict.what = fmt::format("{} of {}", kDamages[static_cast<std::size_t>(damaged.damage)], name);
  try {
    FaultStore store(damaged.data());
    store.open();
    Ledger ledger;
    ledger.begin(store.store());
    verdict.silent = ledger.complaints();
    if (ledger.last() != expected_last()) {
      verdict.silent.push_back(fmt::format("the last commit is {}", ledger.last()));
    }
  } catch (const std::runtime_error& error) {
    verdict.told = error.what();
    verdict.named = names_place(verdict.told, name);
  }
  return verdict;
}

}  // namespace

TEST_CASE("whatever file is damaged, nothing is missing in silence", "[faults][store]") {
  const char* wish = std::getenv("PAWL_SEEDS");
  const std::uint64_t seeds = wish == nullptr ? kSeeds : std::strtoull(wish, nullptr, 10);
  older_directory();
  const auto verdicts = in_parallel(seeds, [](std::size_t i) { return judge(i); });
  std::size_t told = 0;
  for (std::size_t i = 0; i < seeds; ++i) {
    const Verdict& verdict = verdicts[i];
    CAPTURE(i, verdict.what, verdict.told);
    CHECK(verdict.silent == std::vector<std::string>{});
    if (!verdict.told.empty()) CHECK(verdict.named);
    told += verdict.told.empty() ? 0 : 1;
  }
  CHECK(told > seeds / 4);
}

}  // namespace pawl::test
