#include "broker/fsck_command.h"

#include <cstdio>
#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "broker/core/bytes_io.h"
#include "broker/core/fsck.h"
#include "broker/core/keys.h"
#include "broker/id_text.h"
#include "broker/offline_arguments.h"
#include "broker/offline_store.h"
#include "broker/store/damaged_tables.h"

namespace pawl {
namespace {

constexpr int kClean = 0;
constexpr int kFound = 1;
constexpr int kNotChecked = 2;

// Whoever has to restore them needs all of them, once; a lost file of a large directory has
// millions.
constexpr std::size_t kUnreadableShown = 1'000;

struct Verdict {
  std::vector<std::string> damaged;    // What could not be read, with the file's name.
  std::uint64_t unreadable_count = 0;  // Rows: of `damaged` the first ones.
  core::FsckReport report;  // Empty when something is damaged: the rest would only mislead.

  bool clean() const { return damaged.empty() && report.findings_count == 0; }
};

// Whose row it is, for people: rows that may be large are keyed by a batch or a job.
std::string name_of(core::Table table, std::string_view key) {
  core::Reader reader(key);
  const std::uint64_t high = reader.be64();
  const core::JobId id{high, reader.be64()};
  if (!reader.ok()) return "a row";
  if (table == core::Table::batches) {
    const unsigned part = reader.be16();
    return part == core::keys::kReceiptPart ? fmt::format("the receipt of batch {}", id_text(id))
                                            : fmt::format("batch {}, part {}", id_text(id), part);
  }
  if (table == core::Table::results) return fmt::format("the result of job {}", id_text(id));
  return fmt::format("the record of {}", id_text(id));
}

void note_unreadable(Verdict& verdict, core::Table table, std::string_view key,
                     const std::string& why) {
  if (++verdict.unreadable_count > kUnreadableShown) return;
  verdict.damaged.push_back(
      fmt::format("table {}: {}: {}", core::to_string(table), name_of(table, key), why));
}

// Reading stops at the first damaged file of a table.
void note_damaged_tables(Verdict& verdict, const std::filesystem::path& directory) {
  for (const store::DamagedTable& table : store::damaged_tables(directory)) {
    verdict.damaged.push_back(fmt::format("{}: {}", table.file.string(), table.why));
  }
}

void check(const OfflineStore& store, const std::filesystem::path& directory, Verdict& verdict) {
  core::Fsck tables;
  bool broken_off = false;
  for (std::size_t i = 0; i < core::kTableCount; ++i) {
    const auto table = static_cast<core::Table>(i);
    try {
      store.each(
          table,
          [&](std::string_view key, const core::Blob& value) { tables.add(table, key, value); },
          [&](std::string_view key, const std::string& why) {
            note_unreadable(verdict, table, key, why);
          });
    } catch (const DamagedStore& damage) {
      verdict.damaged.emplace_back(damage.what());
      broken_off = true;
    }
  }
  if (broken_off) note_damaged_tables(verdict, directory);
  if (verdict.damaged.empty()) verdict.report = tables.finish();
}

void print_text(const Verdict& verdict) {
  for (const std::string& what : verdict.damaged) fmt::print("damaged: {}\n", what);
  for (const std::string& what : verdict.report.findings) fmt::print("found: {}\n", what);
  if (verdict.unreadable_count > kUnreadableShown) {
    fmt::print("damaged: {} more rows\n", verdict.unreadable_count - kUnreadableShown);
  }
  if (!verdict.damaged.empty()) {
    fmt::print("not everything can be read, so whether the tables agree was not checked\n");
    return;
  }
  std::uint64_t jobs = 0;
  for (const std::uint64_t count : verdict.report.jobs) jobs += count;
  fmt::print("{} jobs in {} batches: ", jobs, verdict.report.batches);
  if (verdict.clean()) {
    fmt::print("all tables agree\n");
  } else {
    fmt::print("{} findings\n", verdict.report.findings_count);
  }
}

void print_json(const Verdict& verdict) {
  boost::json::array damaged(verdict.damaged.begin(), verdict.damaged.end());
  boost::json::array findings(verdict.report.findings.begin(), verdict.report.findings.end());
  const boost::json::object object{{"clean", verdict.clean()},
                                   {"damaged", std::move(damaged)},
                                   {"unreadable_count", verdict.unreadable_count},
                                   {"findings", std::move(findings)},
                                   {"findings_count", verdict.report.findings_count},
                                   {"batches", verdict.report.batches}};
  fmt::print("{}\n", boost::json::serialize(object));
}

Verdict open_and_check(const std::filesystem::path& directory) {
  Verdict verdict;
  try {
    check(OfflineStore(directory), directory, verdict);
  } catch (const DamagedStore& damage) {
    verdict.damaged.emplace_back(damage.what());
    note_damaged_tables(verdict, directory);
  }
  return verdict;
}

}  // namespace

int fsck(std::span<const char* const> arguments) {
  const OfflineParsed parsed =
      parse_offline("fsck", "Checks the data directory of a stopped broker", arguments);
  if (!parsed.arguments) return parsed.exit_code;
  try {
    const Verdict verdict = open_and_check(parsed.arguments->directory);
    if (parsed.arguments->output == OfflineOutput::json) {
      print_json(verdict);
    } else {
      print_text(verdict);
    }
    return verdict.clean() ? kClean : kFound;
  } catch (const std::runtime_error& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return kNotChecked;
  }
}

}  // namespace pawl
