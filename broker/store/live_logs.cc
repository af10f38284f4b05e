#include "broker/store/live_logs.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "broker/store/log_records.h"

namespace pawl::store {

namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Empty when CURRENT names none.
std::string current_manifest(const fs::path& directory) {
  std::string name = read_file(directory / "CURRENT");
  if (!name.ends_with('\n')) return {};
  name.pop_back();
  return manifest_number(name) == 0 ? std::string() : name;
}

// A record of the MANIFEST is a list of fields, the numbers of the log first:
//
//   field    tag:varint number:varint | tag:varint size:varint bytes
enum Tag : std::uint64_t {
  comparator = 1,
  log_number = 2,
  next_file_number = 3,
  last_sequence = 4,
  previous_log_number = 9,
  min_log_number_to_keep = 10,
  max_column_family = 203,
  database_id = 8193,
};

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::uint64_t min_log_in(std::string_view edit) {
  for (;;) {
    const auto tag = take_varint(edit);
    if (!tag) return 0;
    const auto number = take_varint(edit);
    if (!number) return 0;
    switch (*tag) {
      case min_log_number_to_keep:
        return *number;
      case comparator:
      case database_id:
        if (*number > edit.size()) return 0;
        edit.remove_prefix(*number);
        break;
      case log_number:
      case next_file_number:
      case last_sequence:
      case previous_log_number:
      case max_column_family:
        break;
      default:
        return 0;  // Of the files, which come after the numbers.
    }
  }
}

}  // namespace

std::uint64_t first_live_log(const fs::path& directory) {
  const std::string name = current_manifest(directory);
  if (name.empty()) return 0;
  const std::string manifest = read_file(directory / name);
  LogRecords records(manifest);
  std::uint64_t first = 0;
  while (const auto edit = records.next_record()) first = std::max(first, min_log_in(*edit));
  return first;
}

void check_current(const fs::path& directory) {
  std::error_code missing;
  if (fs::exists(directory / "CURRENT", missing)) return;
  for (const auto& entry : fs::directory_iterator(directory, missing)) {
    const fs::path extension = entry.path().extension();
    if (extension != ".sst" && extension != ".blob" && extension != ".log") continue;
    throw std::runtime_error(fmt::format("{} is missing, but {} is there",
                                         (directory / "CURRENT").string(),
                                         entry.path().filename().string()));
  }
}

void check_manifest(const fs::path& directory, const ManifestMark& mark) {
  const std::string name = current_manifest(directory);
  if (name.empty() || manifest_number(name) != mark.number) return;
  std::error_code missing;
  const std::uintmax_t bytes = fs::file_size(directory / name, missing);
  if (missing || bytes >= mark.bytes) return;
  throw std::runtime_error(
      fmt::format("{} is damaged: it has {} bytes, and had {}. Restore it from a backup; to go on "
                  "without what is lost remove {}",
                  (directory / name).string(), bytes, mark.bytes,
                  (directory.parent_path() / "synced").string()));
}

}  // namespace pawl::store
