#include "broker/store/sync_mark.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "broker/core/bytes_io.h"
#include "broker/store/crc32c.h"

namespace pawl::store {

namespace {

//   operation:be64 commits:be64 manifest:be64 its_bytes:be64 crc32c:be32
constexpr std::size_t kNumbers = 32;
constexpr std::size_t kBytes = kNumbers + 4;

Synced load_from(int file) {
  char bytes[kBytes] = {};
  if (::pread(file, bytes, kBytes, 0) != static_cast<ssize_t>(kBytes)) return {};
  core::Reader reader({bytes, kBytes});
  Synced synced;
  synced.operation = reader.be64();
  synced.commits = reader.be64();
  synced.manifest.number = reader.be64();
  synced.manifest.bytes = reader.be64();
  return reader.be32() == crc32c({bytes, kNumbers}) ? synced : Synced{};
}

}  // namespace

std::uint64_t manifest_number(std::string_view name) {
  constexpr std::string_view kPrefix = "MANIFEST-";
  if (!name.starts_with(kPrefix)) return 0;
  std::uint64_t number = 0;
  const char* const end = name.data() + name.size();
  const auto [rest, failed] = std::from_chars(name.data() + kPrefix.size(), end, number);
  return failed == std::errc() && rest == end ? number : 0;
}

SyncMark::SyncMark(std::filesystem::path file)
    : path_(std::move(file)), file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (file_ < 0) {
    throw std::runtime_error(
        fmt::format("cannot open {}: {}", path_.string(), std::strerror(errno)));
  }
  synced_ = load_from(file_);
}

SyncMark::~SyncMark() {
  ::close(file_);
}

Synced SyncMark::read(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const Synced synced = load_from(file);
  ::close(file);
  return synced;
}

void SyncMark::store(std::uint64_t operation, std::uint64_t commits) {
  const std::lock_guard lock(mutex_);
  synced_.operation = operation;
  synced_.commits = commits;
  write();
}

void SyncMark::store(const ManifestMark& manifest) {
  const std::lock_guard lock(mutex_);
  synced_.manifest = manifest;
  write();
}

void SyncMark::write() const {
  std::string bytes;
  core::Writer writer(bytes);
  writer.be64(synced_.operation).be64(synced_.commits);
  writer.be64(synced_.manifest.number).be64(synced_.manifest.bytes);
  writer.be32(crc32c(bytes));
  // Without it the next start only knows less.
  [[maybe_unused]] const ssize_t written = ::pwrite(file_, bytes.data(), bytes.size(), 0);
}

}  // namespace pawl::store
