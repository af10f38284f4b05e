#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

namespace pawl::test {

// Of a broker's data directory: RocksDB's files of one kind, the largest first.
inline std::vector<std::filesystem::path> data_files(const std::filesystem::path& directory,
                                                     std::string_view extension) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory / "db")) {
    if (entry.path().extension() == extension) files.push_back(entry.path());
  }
  std::ranges::sort(files, std::ranges::greater(),
                    [](const auto& path) { return std::filesystem::file_size(path); });
  return files;
}

// Done twice, the file is as before.
inline void flip_bytes(const std::filesystem::path& path, std::uintmax_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  char bytes[4];
  file.read(bytes, sizeof bytes);
  for (char& byte : bytes) byte = static_cast<char>(~byte);
  file.seekp(static_cast<std::streamoff>(at));
  file.write(bytes, sizeof bytes);
}

}  // namespace pawl::test
