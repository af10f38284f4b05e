#include "broker/store/sync_mark.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

#include <fmt/format.h>

#include "broker/core/bytes_io.h"
#include "broker/store/crc32c.h"

namespace pawl::store {

namespace {

//   operation:be64 commits:be64 crc32c:be32
constexpr std::size_t kNumbers = 16;
constexpr std::size_t kBytes = kNumbers + 4;

Synced load_from(int file) {
  char bytes[kBytes] = {};
  if (::pread(file, bytes, kBytes, 0) != static_cast<ssize_t>(kBytes)) return {};
  core::Reader reader({bytes, kBytes});
  Synced synced;
  synced.operation = reader.be64();
  synced.commits = reader.be64();
  return reader.be32() == crc32c({bytes, kNumbers}) ? synced : Synced{};
}

}  // namespace

SyncMark::SyncMark(std::filesystem::path file)
    : path_(std::move(file)), file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (file_ >= 0) return;
  throw std::runtime_error(fmt::format("cannot open {}: {}", path_.string(), std::strerror(errno)));
}

SyncMark::~SyncMark() {
  ::close(file_);
}

Synced SyncMark::load() const {
  return load_from(file_);
}

Synced SyncMark::read(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const Synced synced = load_from(file);
  ::close(file);
  return synced;
}

void SyncMark::store(const Synced& synced) const {
  std::string bytes;
  core::Writer writer(bytes);
  writer.be64(synced.operation).be64(synced.commits);
  writer.be32(crc32c(bytes));
  // Without it the next start only knows less.
  [[maybe_unused]] const ssize_t written = ::pwrite(file_, bytes.data(), bytes.size(), 0);
}

}  // namespace pawl::store
