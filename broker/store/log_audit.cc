#include "broker/store/log_audit.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <stdexcept>
#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>

#include "broker/store/kill_point.h"
#include "broker/store/live_logs.h"
#include "broker/store/log_records.h"

namespace pawl::store {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, std::string_view what, int error) {
  throw std::runtime_error(
      fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(error)));
}

class File {
 public:
  File(const fs::path& path, int flags)
      : path_(path), file_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    if (file_ < 0) fail(path_, "open", errno);
  }
  ~File() { ::close(file_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int descriptor() const { return file_; }
  void write_all(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t put = ::write(file_, bytes.data(), bytes.size());
      if (put < 0) fail(path_, "write", errno);
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    sync();
  }
  void cut(std::uint64_t size) const {
    if (::ftruncate(file_, static_cast<off_t>(size)) != 0) fail(path_, "cut", errno);
    sync();
  }

 private:
  void sync() const {
    if (::fsync(file_) != 0) fail(path_, "sync", errno);
  }

  const fs::path path_;
  const int file_;
};

// The bytes of a file; logs may be larger than memory should be.
class MappedFile {
 public:
  explicit MappedFile(const fs::path& path) : size_(fs::file_size(path)) {
    if (size_ == 0) return;
    const File file(path, O_RDONLY);
    void* bytes = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
    if (bytes == MAP_FAILED) fail(path, "read", errno);
    bytes_ = static_cast<const char*>(bytes);
  }
  ~MappedFile() {
    if (size_ != 0) ::munmap(const_cast<char*>(bytes_), size_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {bytes_, size_}; }

 private:
  const std::size_t size_;
  const char* bytes_ = nullptr;
};

// Named by ascending numbers: 000012.log. Those that are not needed any more may be there or not.
std::vector<fs::path> live_logs_in(const fs::path& directory) {
  std::vector<std::pair<std::uint64_t, fs::path>> numbered;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(directory, missing)) {
    const fs::path& path = entry.path();
    const std::string stem = path.stem().string();
    const bool digits = !stem.empty() && stem.find_first_not_of("0123456789") == std::string::npos;
    if (path.extension() == ".log" && digits) numbered.emplace_back(std::stoull(stem), path);
  }
  std::sort(numbered.begin(), numbered.end());
  const std::uint64_t first = first_live_log(directory);
  std::vector<fs::path> logs;
  for (auto& [number, path] : numbered) {
    if (number >= first) logs.push_back(std::move(path));
  }
  return logs;
}

// A log as it was found.
struct Found {
  fs::path log;
  std::uint64_t bytes = 0;
  std::uint64_t good_bytes = 0;
};

class Audit {
 public:
  explicit Audit(std::uint64_t synced) : synced_(synced) {}

  void read(const fs::path& log);
  std::vector<TornTail> finish();

 private:
  void follow(LogRecords& records, Found& found);
  void stop_at(const Found& found, std::uint64_t missing);
  [[noreturn]] void damaged() const;

  std::uint64_t synced_;  // Counted on: by the mark, and by what stands behind the gap.
  std::optional<std::uint64_t> next_;  // RocksDB's number that the next batch has to begin at.
  core::CommitSeq commit_ = 0;         // The last of ours that was read.

  Found before_;  // The log that was read last.
  // Where what fits has come to an end, and the first number that is missing then.
  std::optional<Found> gap_;
  std::uint64_t missing_ = 0;
  std::vector<TornTail> tails_;
};

void Audit::damaged() const {
  throw std::runtime_error(fmt::format(
      "{} is damaged at byte {}: what follows commit {} cannot be read, and later commits "
      "count on it",
      gap_->log.string(), gap_->good_bytes, commit_));
}

void Audit::stop_at(const Found& found, std::uint64_t missing) {
  gap_ = found.good_bytes == 0 && !before_.log.empty() ? before_ : found;
  missing_ = missing;
}

// Reads on while each batch begins where the last one ended.
void Audit::follow(LogRecords& records, Found& found) {
  while (const auto batch = records.next()) {
    if (next_ && batch->first != *next_) {
      synced_ = std::max(synced_, batch->synced);
      return stop_at(found, *next_);
    }
    next_ = batch->first + batch->count;
    if (batch->commit != 0) commit_ = batch->commit;
    found.good_bytes = records.end();
  }
  if (!records.at_clean_end()) stop_at(found, next_.value_or(0));
}

void Audit::read(const fs::path& log) {
  const MappedFile file(log);
  LogRecords records(file.bytes());
  Found found{log, file.bytes().size(), 0};
  const auto first = LogRecords(file.bytes()).next();
  if (gap_ && first && first->first == next_) gap_.reset();  // Nothing is missing.
  if (!gap_) {
    follow(records, found);
    if (!gap_) {
      before_ = found;
      return;
    }
  }
  auto behind = records.find_behind(records.end());
  // Where nothing fits before it, what is missing reaches up to the batch behind it at least.
  if (missing_ == 0 && behind) missing_ = behind->first - 1;
  for (; behind; behind = records.find_behind(behind->end)) {
    synced_ = std::max(synced_, behind->synced);
  }
  if (found.good_bytes != found.bytes) {
    tails_.push_back({log, found.good_bytes, found.bytes - found.good_bytes});
  }
}

std::vector<TornTail> Audit::finish() {
  if (gap_ && missing_ != 0 && synced_ >= missing_) damaged();
  return std::move(tails_);
}

}  // namespace

std::vector<TornTail> audit_logs(const fs::path& directory, std::uint64_t synced) {
  Audit audit(synced);
  for (const fs::path& log : live_logs_in(directory)) audit.read(log);
  return audit.finish();
}

void cut_off(const TornTail& tail, const fs::path& keep_in) {
  const fs::path kept = keep_in / fmt::format("{}.torn", tail.log.filename().string());
  {
    const MappedFile log(tail.log);
    File(kept, O_WRONLY | O_CREAT | O_TRUNC).write_all(log.bytes().substr(tail.good_bytes));
  }
  PAWL_KILL_POINT("store.cut_off.kept");
  File(tail.log, O_WRONLY).cut(tail.good_bytes);
}

}  // namespace pawl::store
