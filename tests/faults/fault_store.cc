#include "tests/faults/fault_store.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>
#include <rocksdb/env.h>

namespace pawl::test {

namespace fs = std::filesystem;

namespace {

// Rows of `ready` live this long.
constexpr core::CommitSeq kReadyRows = 10;

std::string key_of(core::CommitSeq seq) {
  return fmt::format("{:08}", seq);
}

// Half of them are blobs, some take several blocks of the log.
std::string value_of(core::CommitSeq seq) {
  Random random(seq);
  std::string value(50 + draw(random, 8'000), '\0');
  for (char& byte : value) byte = static_cast<char>(random());
  return value;
}

void fill(core::Commit& commit, core::CommitSeq seq) {
  const std::string key = key_of(seq);
  const std::string value = value_of(seq);
  commit.put_new(Table::batches, key, value);
  commit.put_new(Table::outcomes, key, std::string_view(value).substr(0, 40));
  commit.put_new(Table::ready, key, key);
  if (seq > kReadyRows) commit.erase_once(Table::ready, key_of(seq - kReadyRows));
  commit.put(Table::meta, "last", key);
}

using Rows = Owned::Rows;

Rows expected_rows(Table table, core::CommitSeq last) {
  Rows rows;
  const bool few = table == Table::ready && last > kReadyRows;
  if (table == Table::meta && last != 0) return {{"last", key_of(last)}};
  if (table == Table::meta) return {};
  for (core::CommitSeq seq = few ? last - kReadyRows + 1 : 1; seq <= last; ++seq) {
    std::string value = value_of(seq);
    if (table == Table::outcomes) value.resize(40);
    if (table == Table::ready) value = key_of(seq);
    rows.emplace_back(key_of(seq), std::move(value));
  }
  return rows;
}

Rows rows_of(store::Store& store, Table table) {
  core::Read read;
  read.ranges.push_back({table, "", "\xff"});
  read.bytes_max = SIZE_MAX;
  const store::ReadResult result = store.read(kShard, read);
  if (!result.ok) throw std::runtime_error(result.why);
  Rows rows;
  for (const core::Row& row : result.answer.rows) rows.emplace_back(row.key, row.value.view());
  return rows;
}

}  // namespace

void allow_background_threads() {
  rocksdb::Env* env = rocksdb::Env::Default();
  env->SetBackgroundThreads(static_cast<int>(kParallel), rocksdb::Env::Priority::LOW);
  env->SetBackgroundThreads(static_cast<int>(kParallel), rocksdb::Env::Priority::HIGH);
}

FaultStore::FaultStore(fs::path directory) {
  disk_ = std::make_shared<FaultFs>(directory);
  options.directory = std::move(directory);
  options.file_system = disk_;
  options.write_buffer_bytes = 64 << 10;
  options.wal_bytes = 256 << 10;
  options.cache_bytes = 1 << 20;
  options.reserve_bytes = 0;
}

void FaultStore::open() {
  store_.reset();
  store_ = std::make_unique<store::RocksStore>(options);
}

void Ledger::begin(store::Store& store) {
  owner_ = store.acquire(kShard);
  if (owner_.last < synced_) {
    complaints_.push_back(
        fmt::format("commit {} was synced and the last one is {}", synced_, owner_.last));
  }
  for (std::string& what : wrong_rows(store, owner_.last)) complaints_.push_back(std::move(what));
  synced_ = told_ = owner_.last;
}

bool Ledger::commit(store::Store& store, Sync sync) {
  core::Commit commit;
  commit.seq = owner_.last + 1;
  commit.synced = sync == Sync::synced;
  commit.at = core::timestamp_from_ms(commit.seq);
  fill(commit, commit.seq);
  if (store.commit(kShard, owner_.epoch, commit).outcome != Outcome::durable) return false;
  owner_.last = told_ = commit.seq;
  if (commit.synced) synced_ = commit.seq;
  return true;
}

std::vector<std::string> Ledger::wrong_rows(store::Store& store, core::CommitSeq last) {
  std::vector<std::string> wrong;
  for (const Table table : {Table::batches, Table::outcomes, Table::ready, Table::meta}) {
    const Rows expected = expected_rows(table, last);
    const Rows rows = rows_of(store, table);
    if (rows == expected) continue;
    const auto differ =
        std::mismatch(rows.begin(), rows.end(), expected.begin(), expected.end()).first;
    wrong.push_back(fmt::format("{} has {} rows after commit {} and not {}, other ones from {} on",
                                core::to_string(table), rows.size(), last, expected.size(),
                                differ == rows.end() ? "its end" : differ->first));
  }
  return wrong;
}

void copy_directory(const fs::path& from, const fs::path& to) {
  fs::create_directories(to);
  fs::copy(from, to, fs::copy_options::recursive);
}

const fs::path& filled_directory() {
  static const TempDirectory directory;
  static const fs::path made = [] {
    FaultStore filled(directory.path() / "data");
    filled.open();
    Ledger ledger;
    ledger.begin(filled.store());
    while (ledger.last() < kFilledCommits) ledger.commit(filled.store(), Sync::synced);
    return filled.directory();
  }();
  return made;
}

}  // namespace pawl::test
