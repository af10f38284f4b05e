#pragma once

// Protocol buffers' wire format over bytes that stay where they are: reading without copies or
// allocations, and appending to a string. Standard library only.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace pawl::wire {

enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

// One field as it stands on the wire. The views point into the bytes that were read.
struct Field {
  std::uint32_t number = 0;
  WireType type = WireType::varint;
  std::uint64_t value = 0;  // Of a varint, fixed64 or fixed32.
  std::string_view bytes;   // Of a bytes field: its content.
  std::string_view raw;     // Tag, length and content.
};

// Reads a varint in its shortest form from the front of [at, end). Returns the byte after it, or
// null: the bytes end too early, the value has more than 64 bits or more bytes than it needs.
inline const char* read_varint(const char* at, const char* end, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; at != end && shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    const bool overlong = byte == 0 && shift > 0;
    const bool over_64_bits = shift == 63 && byte > 1;
    return overlong || over_64_bits ? nullptr : at;
  }
  return nullptr;
}

// The fields of one message, in the order in which they came. It never descends: whoever meets a
// message inside reads it with a FieldReader of its own, so the depth is what the caller's code
// has. Groups are malformed.
class FieldReader {
 public:
  explicit FieldReader(std::string_view message)
      : at_(message.data()), end_(message.data() + message.size()) {}

  // False at the end, and for good at the first malformed byte: ok() tells which.
  bool next(Field& field) {
    if (at_ == end_) return false;
    const char* const begin = at_;
    if (read(field)) {
      field.raw = {begin, static_cast<std::size_t>(at_ - begin)};
      return true;
    }
    ok_ = false;
    at_ = end_;
    return false;
  }
  bool ok() const { return ok_; }

 private:
  bool read(Field& field) {
    std::uint64_t tag = 0;
    at_ = read_varint(at_, end_, tag);
    if (at_ == nullptr || tag > UINT32_MAX || tag >> 3 == 0) return false;
    field.number = static_cast<std::uint32_t>(tag >> 3);
    field.type = static_cast<WireType>(tag & 7);
    switch (field.type) {
      case WireType::varint:
        return (at_ = read_varint(at_, end_, field.value)) != nullptr;
      case WireType::fixed64:
        return read_fixed(field, 8);
      case WireType::fixed32:
        return read_fixed(field, 4);
      case WireType::bytes:
        return read_bytes(field);
    }
    return false;
  }

  bool read_bytes(Field& field) {
    std::uint64_t size = 0;
    at_ = read_varint(at_, end_, size);
    if (at_ == nullptr || size > static_cast<std::size_t>(end_ - at_)) return false;
    field.bytes = {at_, static_cast<std::size_t>(size)};
    at_ += size;
    return true;
  }

  bool read_fixed(Field& field, std::ptrdiff_t size) {
    if (end_ - at_ < size) return false;
    field.value = 0;
    for (std::ptrdiff_t i = size; i-- > 0;) {
      field.value = field.value << 8 | static_cast<unsigned char>(at_[i]);
    }
    at_ += size;
    return true;
  }

  const char* at_;
  const char* end_;
  bool ok_ = true;
};

constexpr std::size_t varint_bytes(std::uint64_t value) {
  std::size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}
constexpr std::uint64_t tag_of(std::uint32_t number, WireType type) {
  return static_cast<std::uint64_t>(number) << 3 | static_cast<std::uint64_t>(type);
}
// Tag and length of a bytes field, and its content.
constexpr std::size_t bytes_field_bytes(std::uint32_t number, std::size_t size) {
  return varint_bytes(tag_of(number, WireType::bytes)) + varint_bytes(size) + size;
}
// What FieldWriter::number() appends.
constexpr std::size_t number_bytes(std::uint32_t number, std::uint64_t value) {
  return value == 0 ? 0 : varint_bytes(tag_of(number, WireType::varint)) + varint_bytes(value);
}

// Appends fields to a message. As proto3 has it, number() and bytes() leave out zero and empty.
class FieldWriter {
 public:
  explicit FieldWriter(std::string& out) : out_(&out) {}

  void number(std::uint32_t field, std::uint64_t value) {
    if (value == 0) return;
    tag(field, WireType::varint);
    varint(value);
  }
  void bytes(std::uint32_t field, std::string_view value) {
    if (value.empty()) return;
    element(field, value);
  }
  // An entry of a repeated field; it may be empty.
  void element(std::uint32_t field, std::string_view value) {
    length(field, value.size());
    out_->append(value);
  }
  void fixed64(std::uint32_t field, std::uint64_t value) {
    if (value == 0) return;
    tag(field, WireType::fixed64);
    for (int shift = 0; shift < 64; shift += 8) out_->push_back(static_cast<char>(value >> shift));
  }
  // The front of a bytes field of which the content follows.
  void length(std::uint32_t field, std::size_t size) {
    tag(field, WireType::bytes);
    varint(size);
  }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_->push_back(static_cast<char>(value | 0x80));
    out_->push_back(static_cast<char>(value));
  }

  // A message of unknown size: write it between the two; hand what begin() returns to end().
  std::size_t begin(std::uint32_t field) {
    tag(field, WireType::bytes);
    out_->push_back('\0');
    return out_->size();
  }
  void end(std::size_t begun) {
    std::uint64_t size = out_->size() - begun;
    const std::size_t more = varint_bytes(size) - 1;
    if (more > 0) out_->insert(begun, more, '\0');
    char* at = out_->data() + begun - 1;
    for (; size >= 0x80; size >>= 7) *at++ = static_cast<char>(size | 0x80);
    *at = static_cast<char>(size);
  }

  std::string& out() const { return *out_; }

 private:
  void tag(std::uint32_t field, WireType type) { varint(tag_of(field, type)); }

  std::string* out_;
};

// Well-formed UTF-8: shortest forms, no surrogates, nothing over U+10FFFF.
bool valid_utf8(std::string_view text);
// U+0000 to U+001F and U+007F to U+009F. REQUIRES: `text` is UTF-8.
bool has_control(std::string_view text);

}  // namespace pawl::wire
