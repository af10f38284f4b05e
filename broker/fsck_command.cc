#include "broker/fsck_command.h"

#include <cstdio>
#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "broker/core/fsck.h"
#include "broker/offline_arguments.h"
#include "broker/offline_store.h"

namespace pawl {
namespace {

constexpr int kClean = 0;
constexpr int kFound = 1;
constexpr int kNotChecked = 2;

struct Verdict {
  std::vector<std::string> damaged;  // What could not be read, with the file's name.
  core::FsckReport report;  // Empty when something is damaged: the rest would only mislead.

  bool clean() const { return damaged.empty() && report.findings_count == 0; }
};

Verdict check(const OfflineStore& store) {
  Verdict verdict;
  core::Fsck tables;
  for (std::size_t i = 0; i < core::kTableCount; ++i) {
    const auto table = static_cast<core::Table>(i);
    try {
      store.each(table, [&](std::string_view key, const core::Blob& value) {
        tables.add(table, key, value);
      });
    } catch (const DamagedStore& damage) {
      verdict.damaged.emplace_back(damage.what());
    }
  }
  if (verdict.damaged.empty()) verdict.report = tables.finish();
  return verdict;
}

void print_text(const Verdict& verdict) {
  for (const std::string& what : verdict.damaged) fmt::print("damaged: {}\n", what);
  for (const std::string& what : verdict.report.findings) fmt::print("found: {}\n", what);
  if (!verdict.damaged.empty()) {
    fmt::print("some tables cannot be read, so whether they agree was not checked\n");
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
                                   {"findings", std::move(findings)},
                                   {"findings_count", verdict.report.findings_count},
                                   {"batches", verdict.report.batches}};
  fmt::print("{}\n", boost::json::serialize(object));
}

Verdict open_and_check(const std::filesystem::path& directory) {
  try {
    return check(OfflineStore(directory));
  } catch (const DamagedStore& damage) {
    Verdict verdict;
    verdict.damaged.emplace_back(damage.what());
    return verdict;
  }
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
