#include "tests/faults/disk_state.h"

#include <algorithm>

#include <fmt/format.h>

#include "tests/store/file_bytes.h"

namespace pawl::test {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kPage = 4096;

// What happens to the bytes that no sync has reached.
enum class Tail : std::uint8_t { none, all, cut, zeroed, garbage, holes };
constexpr const char* kTailNames[] = {"none", "all", "cut", "zeroed", "garbage", "holes"};

// Where a write was torn: at any byte, or between sectors or pages.
std::uint64_t torn_at(Random& random, std::uint64_t from, std::uint64_t to) {
  constexpr std::uint64_t kGrains[] = {1, 512, kPage};
  const std::uint64_t grain = kGrains[draw(random, 3)];
  const std::uint64_t at = from + draw(random, to - from + 1);
  return std::clamp(at / grain * grain, from, to);
}

void make_holes(Random& random, std::string& bytes, std::uint64_t from) {
  while (from < bytes.size()) {
    const std::uint64_t end = std::min<std::uint64_t>((from / kPage + 1) * kPage, bytes.size());
    if (draw(random, 2) == 0) std::fill_n(bytes.begin() + static_cast<long>(from), end - from, 0);
    from = end;
  }
}

// The file's bytes after the cut, of which those up to `synced` are as they were.
std::string bytes_after_cut(Random& random, std::string bytes, std::uint64_t synced, Tail tail) {
  if (tail == Tail::all) return bytes;
  if (tail == Tail::none) return bytes.substr(0, synced);
  if (tail == Tail::holes) return make_holes(random, bytes, synced), bytes;
  const std::uint64_t torn = torn_at(random, synced, bytes.size());
  if (tail == Tail::cut) return bytes.substr(0, torn);
  for (std::uint64_t i = torn; i < bytes.size(); ++i) {
    bytes[i] = tail == Tail::zeroed ? '\0' : static_cast<char>(draw(random, 256));
  }
  return bytes;
}

}  // namespace

const char* to_string(FileKind kind) {
  constexpr const char* kNames[kFileKinds] = {"wal",     "sst", "blob", "manifest",
                                              "current", "dir", "other"};
  return kNames[static_cast<std::size_t>(kind)];
}

FileKind kind_of(const std::string& name) {
  if (name.ends_with(".log")) return FileKind::wal;
  if (name.ends_with(".sst")) return FileKind::sst;
  if (name.ends_with(".blob")) return FileKind::blob;
  if (name.starts_with("MANIFEST")) return FileKind::manifest;
  if (name == "CURRENT" || name.ends_with(".dbtmp")) return FileKind::current;
  return FileKind::other;
}

Inode::~Inode() {
  std::error_code ignored;
  if (life == Life::buried) fs::remove(path, ignored);
}

DiskState::DiskState(fs::path directory)
    : directory_(std::move(directory)), graves_(directory_.parent_path() / "graves") {
  fs::create_directories(graves_);
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(directory_, missing)) {
    const std::string name = entry.path().filename().string();
    names_[name] = std::make_shared<Inode>(entry.path(), entry.file_size());
  }
  synced_names_ = names_;
}

std::shared_ptr<Inode> DiskState::find(const std::string& path) const {
  const auto found = names_.find(fs::path(path).filename().string());
  return found == names_.end() ? nullptr : found->second;
}

std::shared_ptr<Inode> DiskState::create(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  auto file = std::make_shared<Inode>(path, 0);
  names_[name] = file;
  changes_.push_back({name, file, {}});
  return file;
}

void DiskState::rename(const std::string& from, const std::string& to) {
  const std::string old_name = fs::path(from).filename().string();
  const std::string name = fs::path(to).filename().string();
  const auto found = names_.find(old_name);
  if (found == names_.end()) return;
  std::shared_ptr<Inode> file = std::move(found->second);
  names_.erase(found);
  bury(name);
  file->path = to;
  names_[name] = file;
  changes_.push_back({name, std::move(file), old_name});
}

void DiskState::remove(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  bury(name);
  std::error_code ignored;
  fs::remove(path, ignored);
  changes_.push_back({name, nullptr, {}});
}

// The bytes stay until no power cut can bring the name back.
void DiskState::bury(const std::string& name) {
  const auto found = names_.find(name);
  if (found == names_.end()) return;
  Inode& file = *found->second;
  const fs::path grave = graves_ / std::to_string(++buried_);
  fs::create_hard_link(file.path, grave);
  file.path = grave;
  file.life = Inode::Life::buried;
  names_.erase(found);
}

void DiskState::sync_names() {
  changes_.clear();
  synced_names_ = names_;
}

std::uint64_t DiskState::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [name, file] : names_) sum += file->size;
  return sum;
}

void DiskState::apply(const NameChange& change, Names& names) {
  if (!change.from.empty()) names.erase(change.from);
  if (change.file) {
    names[change.name] = change.file;
  } else {
    names.erase(change.name);
  }
}

// A journal keeps the order of the changes.
DiskState::Names DiskState::names_after_cut(Random& random, CrashImage& image) const {
  Names names = synced_names_;
  const std::uint64_t kept = draw(random, changes_.size() + 1);
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    if (i < kept) apply(changes_[i], names);
    image.notes.push_back(fmt::format("{} {}: {}", changes_[i].file ? "name" : "unlink",
                                      changes_[i].name, i < kept ? "kept" : "undone"));
  }
  return names;
}

CrashImage DiskState::crash(Random& random, const fs::path& into) const {
  CrashImage image;
  fs::create_directories(into);
  for (const auto& [name, file] : names_after_cut(random, image)) {
    std::string bytes = read_file(file->path);
    bytes.resize(std::min<std::size_t>(bytes.size(), file->size));
    if (file->synced < bytes.size()) {
      const Tail tail{static_cast<std::uint8_t>(draw(random, std::size(kTailNames)))};
      image.notes.push_back(fmt::format("{} of {} bytes after {}: {}", name, bytes.size(),
                                        file->synced, kTailNames[static_cast<std::size_t>(tail)]));
      image.spoiled_manifest |= file->kind == FileKind::manifest && tail >= Tail::zeroed;
      bytes = bytes_after_cut(random, std::move(bytes), file->synced, tail);
    }
    write_file(into / name, bytes);
  }
  return image;
}

void DiskState::copy(Unsynced unsynced, const fs::path& into) const {
  fs::create_directories(into);
  const bool kept = unsynced == Unsynced::kept;
  for (const auto& [name, file] : kept ? names_ : synced_names_) {
    std::string bytes = read_file(file->path);
    bytes.resize(std::min<std::size_t>(bytes.size(), kept ? file->size : file->synced));
    write_file(into / name, bytes);
  }
}

}  // namespace pawl::test
