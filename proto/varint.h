#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// Protobuf's encoding, for messages that are written straight into a frame.
namespace pawl::wire {

enum class WireType : std::uint32_t { varint = 0, fixed64 = 1, bytes = 2 };

inline void append_varint(std::string& out, std::uint64_t value) {
  char bytes[10];
  std::size_t n = 0;
  for (; value >= 0x80; value >>= 7) bytes[n++] = static_cast<char>(value | 0x80);
  bytes[n++] = static_cast<char>(value);
  out.append(bytes, n);
}

constexpr std::size_t varint_bytes(std::uint64_t value) {
  std::size_t n = 1;
  for (; value >= 0x80; value >>= 7) ++n;
  return n;
}

inline void append_tag(std::string& out, int field, WireType type) {
  append_varint(out, static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(type));
}

inline void append_bytes_field(std::string& out, int field, std::string_view value) {
  append_tag(out, field, WireType::bytes);
  append_varint(out, value.size());
  out.append(value);
}

inline void append_varint_field(std::string& out, int field, std::uint64_t value) {
  append_tag(out, field, WireType::varint);
  append_varint(out, value);
}

}  // namespace pawl::wire
