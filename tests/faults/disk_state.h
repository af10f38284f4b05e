#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace pawl::test {

enum class FileKind : std::uint8_t { wal, sst, blob, manifest, current, dir, other };
inline constexpr std::size_t kFileKinds = 7;
const char* to_string(FileKind kind);
FileKind kind_of(const std::string& name);

using Random = std::mt19937_64;

// Up to and without `end`.
inline std::uint64_t draw(Random& random, std::uint64_t end) {
  return std::uniform_int_distribution<std::uint64_t>(0, end - 1)(random);
}

// A file, whatever its name is now.
struct Inode {
  Inode(std::filesystem::path at, std::uint64_t bytes)
      : path(std::move(at)), kind(kind_of(path.filename().string())), size(bytes), synced(bytes) {}
  ~Inode();
  Inode(const Inode&) = delete;
  Inode& operator=(const Inode&) = delete;

  std::filesystem::path path;
  FileKind kind;
  std::uint64_t size;
  std::uint64_t synced;  // This much of it is on the disk for sure.
  // After a sync that failed the system takes the pages for clean: a later one that succeeds has
  // not written them.
  enum class Pages : std::uint8_t { kept, dropped } pages = Pages::kept;
  // Its last name is gone; its bytes may still be asked for.
  enum class Life : std::uint8_t { named, buried } life = Life::named;
};

// What is left of RocksDB's directory when the power goes.
struct CrashImage {
  std::vector<std::string> notes;  // What was done to it.
  // The end of the MANIFEST is neither what was written nor cut short: RocksDB may refuse it.
  bool spoiled_manifest = false;
};

// What of one directory is on the disk and what is only in the system's memory: bytes by file, and
// the names that were given and taken since the directory was synced. Stands on real files, so that
// whoever reads the directory past us sees what the system would show.
class DiskState {
 public:
  explicit DiskState(std::filesystem::path directory);

  std::shared_ptr<Inode> find(const std::string& path) const;
  std::shared_ptr<Inode> create(const std::string& path);
  // Before the real thing happens.
  void rename(const std::string& from, const std::string& to);
  // Takes the real file away as well.
  void remove(const std::string& path);
  void sync_names();

  std::uint64_t bytes() const;

  // A fresh directory with what a power cut may leave: of each file what was synced and none, all
  // or some of the rest; of the names those that were synced and the first of the later changes.
  CrashImage crash(Random& random, const std::filesystem::path& into) const;
  // A process that ends keeps what the system has; what no sync has reached is dropped otherwise.
  enum class Unsynced : std::uint8_t { kept, dropped };
  void copy(Unsynced unsynced, const std::filesystem::path& into) const;

 private:
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  struct NameChange {
    std::string name;
    std::shared_ptr<Inode> file;  // Null: the name was taken away.
    std::string from;             // Of a rename: gone with it.
  };

  static void apply(const NameChange& change, Names& names);
  Names names_after_cut(Random& random, CrashImage& image) const;
  void bury(const std::string& name);

  const std::filesystem::path directory_;
  const std::filesystem::path graves_;
  Names names_;
  Names synced_names_;
  std::vector<NameChange> changes_;
  std::uint64_t buried_ = 0;
};

}  // namespace pawl::test
