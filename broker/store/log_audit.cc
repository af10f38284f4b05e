#include "broker/store/log_audit.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <stdexcept>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/mman.h>

#include "broker/store/kill_point.h"
#include "broker/store/live_logs.h"
#include "broker/store/log_records.h"
#include "broker/store/write_all.h"

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
    if (const int error = store::write_all(file_, bytes)) fail(path_, "write", error);
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

// Nothing for a name that RocksDB does not give either.
std::optional<std::uint64_t> number_of_log(const fs::path& log) {
  const std::string stem = log.stem().string();
  const char* const end = stem.data() + stem.size();
  std::uint64_t number = 0;
  const auto read = std::from_chars(stem.data(), end, number);
  if (log.extension() != ".log" || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

// Named by ascending numbers: 000012.log. Those that are not needed any more may be there or not,
// with holes between them.
std::vector<fs::path> live_logs_in(const fs::path& directory) {
  std::vector<std::pair<std::uint64_t, fs::path>> numbered;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(directory, missing)) {
    if (const auto number = number_of_log(entry.path()))
      numbered.emplace_back(*number, entry.path());
  }
  std::sort(numbered.begin(), numbered.end());
  const std::uint64_t first = first_live_log(directory);
  std::vector<fs::path> logs;
  for (auto& [number, path] : numbered) {
    if (number >= first) logs.push_back(std::move(path));
  }
  return logs;
}

// What is known of the logs read so far.
struct Chain {
  std::optional<std::uint64_t> next;  // RocksDB's number that the next batch has to begin at.
  core::CommitSeq commit = 0;         // The last of ours.
  std::uint64_t synced = 0;           // The last operation that is known to have been on disk.
  // The first thing that does not fit: what stands there and behind it, in later logs too, can only
  // be let go.
  std::optional<TornTail> gap;

  void follow(const LoggedBatch& batch) {
    next = batch.first + batch.count;
    synced = std::max(synced, batch.synced);
    if (batch.commit != 0) commit = batch.commit;
  }
};

[[noreturn]] void damaged(const Chain& chain) {
  throw std::runtime_error(fmt::format(
      "{} is damaged at byte {}: what follows commit {} cannot be read, and later commits "
      "count on it",
      chain.gap->log.string(), chain.gap->good_bytes, chain.commit));
}

// What cannot be read was on disk once: something behind it, or the mark, says so. Where nothing
// fits before it, its numbers are not known; RocksDB's own look at its files decides then.
void judge(const Chain& chain) {
  if (chain.gap && chain.next && chain.synced >= *chain.next) damaged(chain);
}

// Reads a log up to the first thing that does not fit; true when there is none.
bool read_whole(LogRecords& records, Chain& chain) {
  while (const auto batch = records.peek()) {
    if (chain.next && batch->first != *chain.next) return false;
    records.accept(*batch);
    chain.follow(*batch);
  }
  return records.at_clean_end();
}

// Looks behind a gap for batches that tell what was on disk.
void look_behind(LogRecords& records, Chain& chain) {
  for (auto batch = records.find_behind(records.end()); batch;
       batch = records.find_behind(batch->end)) {
    chain.synced = std::max(chain.synced, batch->synced);
    if (!chain.next) chain.next = batch->first - 1;
  }
}

}  // namespace

std::vector<TornTail> audit_logs(const fs::path& directory, std::uint64_t synced) {
  std::vector<TornTail> tails;
  Chain chain;
  chain.synced = synced;
  std::optional<TornTail> whole;  // The log before.
  for (const fs::path& log : live_logs_in(directory)) {
    const MappedFile file(log);
    LogRecords records(file.bytes());
    const auto first = records.peek();
    if (chain.gap && first && first->first == chain.next) chain.gap.reset();  // It was no gap.
    if (!chain.gap && read_whole(records, chain)) {
      whole = {log, records.end(), 0};
      continue;
    }
    TornTail tail{log, records.end(), file.bytes().size() - records.end()};
    if (!chain.gap) chain.gap = records.end() == 0 && first && whole ? *whole : tail;
    look_behind(records, chain);
    if (tail.torn_bytes > 0) tails.push_back(std::move(tail));
  }
  judge(chain);
  return tails;
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
