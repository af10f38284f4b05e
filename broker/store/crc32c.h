#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pawl::store {

// The checksum of RocksDB's logs, with the processor's instruction for it.
std::uint32_t crc32c_extend(std::uint32_t crc, const char* bytes, std::size_t size);

inline std::uint32_t crc32c(std::string_view bytes) {
  return crc32c_extend(0, bytes.data(), bytes.size());
}

// Logs keep checksums in this form, since they may hold bytes that hold checksums.
inline std::uint32_t crc32c_unmask(std::uint32_t masked) {
  const std::uint32_t rotated = masked - 0xa282ead8U;
  return (rotated >> 17) | (rotated << 15);
}

}  // namespace pawl::store
