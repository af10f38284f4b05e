#pragma once

#include <filesystem>

namespace rocksdb {
class FileSystem;
}

namespace pawl::store {

// Makes the directory, for its owner only, and those above it that are missing. When it returns,
// the directory survives a power cut, also if a start before this one made it and was cut off.
// Throws std::runtime_error with a sentence for people.
void make_directory(const std::filesystem::path& directory, rocksdb::FileSystem& files);

}  // namespace pawl::store
