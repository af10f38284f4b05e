#include "broker/store/crc32c.h"

#include <array>
#include <cstring>

namespace pawl::store {

namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82f63b78U : 0);
    table[i] = value;
  }
  return table;
}

std::uint32_t extend_by_table(std::uint32_t crc, const char* bytes, std::size_t size) {
  static constexpr std::array<std::uint32_t, 256> kTable = make_table();
  for (; size != 0; --size, ++bytes) {
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(*bytes)) & 0xff];
  }
  return crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) std::uint32_t extend_by_instruction(std::uint32_t crc,
                                                                      const char* bytes,
                                                                      std::size_t size) {
  std::uint64_t wide = crc;
  for (; size >= 8; size -= 8, bytes += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = static_cast<std::uint32_t>(wide);
  for (; size != 0; --size, ++bytes) {
    crc = __builtin_ia32_crc32qi(crc, static_cast<unsigned char>(*bytes));
  }
  return crc;
}

bool has_instruction() {
  return __builtin_cpu_supports("sse4.2") != 0;
}

#else

std::uint32_t extend_by_instruction(std::uint32_t crc, const char* bytes, std::size_t size) {
  return extend_by_table(crc, bytes, size);
}

bool has_instruction() {
  return false;
}

#endif

}  // namespace

std::uint32_t crc32c_extend(std::uint32_t crc, const char* bytes, std::size_t size) {
  static const bool by_instruction = has_instruction();
  return ~(by_instruction ? extend_by_instruction : extend_by_table)(~crc, bytes, size);
}

}  // namespace pawl::store

#if defined(__x86_64__)

// Debian builds RocksDB for the oldest processors, so it sums each byte of the log up by table: a
// sixth of all that a commit costs. The program's own definition of an exported function comes
// before the shared library's, so RocksDB calls this one.
namespace rocksdb::crc32c {

// NOLINTBEGIN(readability-identifier-naming): RocksDB's name.
std::uint32_t Extend(std::uint32_t crc, const char* bytes, std::size_t size);
std::uint32_t Extend(std::uint32_t crc, const char* bytes, std::size_t size) {
  return pawl::store::crc32c_extend(crc, bytes, size);
}
// NOLINTEND(readability-identifier-naming)

}  // namespace rocksdb::crc32c

#endif
