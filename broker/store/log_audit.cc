#include "broker/store/log_audit.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <stdexcept>
#include <unistd.h>

#include <fmt/format.h>

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

  std::string read_all() const {
    std::string bytes(fs::file_size(path_), '\0');
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t got =
          ::pread(file_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
      if (got < 0) fail(path_, "read", errno);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    bytes.resize(done);
    return bytes;
  }
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

// Named by ascending numbers: 000012.log.
std::vector<fs::path> logs_in(const fs::path& directory) {
  std::vector<std::pair<std::uint64_t, fs::path>> numbered;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(directory, missing)) {
    const fs::path& path = entry.path();
    const std::string stem = path.stem().string();
    const bool digits = !stem.empty() && stem.find_first_not_of("0123456789") == std::string::npos;
    if (path.extension() == ".log" && digits) numbered.emplace_back(std::stoull(stem), path);
  }
  std::sort(numbered.begin(), numbered.end());
  std::vector<fs::path> logs;
  for (auto& [number, path] : numbered) logs.push_back(std::move(path));
  return logs;
}

// What is known of the logs read so far.
struct Chain {
  std::optional<std::uint64_t> next;  // RocksDB's number that the next batch has to begin at.
  core::CommitSeq commit = 0;         // The last of ours.
  // The log before this one ended in something that did not fit, at `next`.
  std::optional<TornTail> gap;

  void follow(const LoggedBatch& batch) {
    next = batch.first + batch.count;
    if (batch.commit != 0) commit = batch.commit;
  }
};

[[noreturn]] void damaged(const fs::path& log, std::uint64_t offset, const Chain& chain) {
  throw std::runtime_error(fmt::format(
      "{} is damaged at byte {}: what follows commit {} cannot be read, and later commits "
      "count on it",
      log.string(), offset, chain.commit));
}

void check_first(const LoggedBatch& batch, const Chain& chain) {
  if (chain.gap && batch.first != *chain.next)
    damaged(chain.gap->log, chain.gap->good_bytes, chain);
}

std::optional<TornTail> audit(const fs::path& log, std::uint64_t synced, Chain& chain) {
  const std::string bytes = File(log, O_RDONLY).read_all();
  LogRecords records(bytes);
  for (bool first = true;; first = false) {
    const auto batch = records.next();
    if (!batch) break;
    if (first) {
      check_first(*batch, chain);
      chain.gap.reset();
    } else if (batch->first != *chain.next) {
      damaged(log, records.end(), chain);
    }
    chain.follow(*batch);
  }
  if (records.at_clean_end()) return std::nullopt;
  auto behind = records.find_behind(records.end());
  // Where nothing fits before it, what is missing reaches up to the batch behind it at least.
  const std::uint64_t missing = chain.next.value_or(behind ? behind->first - 1 : 1);
  for (; behind; behind = records.find_behind(behind->end)) {
    synced = std::max(synced, behind->synced);
  }
  if (synced >= missing) damaged(log, records.end(), chain);
  return TornTail{log, records.end(), bytes.size() - records.end()};
}

}  // namespace

std::vector<TornTail> audit_logs(const fs::path& directory, std::uint64_t synced) {
  std::vector<TornTail> tails;
  Chain chain;
  for (const fs::path& log : logs_in(directory)) {
    if (auto tail = audit(log, synced, chain)) {
      tails.push_back(*tail);
      chain.gap = std::move(tail);
    }
  }
  return tails;
}

void cut_off(const TornTail& tail, const fs::path& keep_in) {
  const std::string bytes = File(tail.log, O_RDONLY).read_all();
  const fs::path kept = keep_in / fmt::format("{}.torn", tail.log.filename().string());
  File(kept, O_WRONLY | O_CREAT | O_TRUNC)
      .write_all(std::string_view(bytes).substr(tail.good_bytes));
  File(tail.log, O_WRONLY).cut(tail.good_bytes);
}

}  // namespace pawl::store
