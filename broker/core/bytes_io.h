#pragma once

// How numbers and strings become bytes in keys (big-endian, so that they sort) and in values
// (varints).

#include <cstdint>
#include <string>
#include <string_view>

#include "broker/core/index_set.h"
#include "broker/core/types.h"

namespace pawl::core {

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  Writer& u8(std::uint8_t value) {
    out_.push_back(static_cast<char>(value));
    return *this;
  }
  Writer& be16(std::uint16_t value) { return big_endian(value, 2); }
  Writer& be32(std::uint32_t value) { return big_endian(value, 4); }
  Writer& be64(std::uint64_t value) { return big_endian(value, 8); }
  Writer& varint(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<char>(value | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<char>(value));
    return *this;
  }
  Writer& raw(std::string_view bytes) {
    out_.append(bytes);
    return *this;
  }
  Writer& str(std::string_view bytes) { return varint(bytes.size()).raw(bytes); }
  Writer& id(const JobId& id) { return be64(id.high).be64(id.low); }
  Writer& time(Timestamp time) { return varint(to_ms(time)); }
  Writer& indexes(const IndexSet& set) {
    varint(set.ranges().size());
    JobIndex at = 0;
    for (const auto& range : set.ranges()) {
      varint(static_cast<std::uint64_t>(range.begin - at))
          .varint(static_cast<std::uint64_t>(range.end - range.begin));
      at = range.end;
    }
    return *this;
  }

 private:
  Writer& big_endian(std::uint64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      out_.push_back(static_cast<char>(value >> shift));
    return *this;
  }

  std::string& out_;
};

// Reads what Writer wrote. After bytes that do not fit, ok() is false and everything read is zero
// or empty.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}

  bool ok() const { return ok_; }
  bool at_end() const { return in_.empty(); }
  std::string_view rest() const { return in_; }

  std::uint8_t u8() { return static_cast<std::uint8_t>(big_endian(1)); }
  std::uint16_t be16() { return static_cast<std::uint16_t>(big_endian(2)); }
  std::uint32_t be32() { return static_cast<std::uint32_t>(big_endian(4)); }
  std::uint64_t be64() { return big_endian(8); }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (in_.empty()) return fail();
      const auto byte = static_cast<unsigned char>(in_.front());
      in_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return fail();
  }
  std::uint32_t varint32() {
    const std::uint64_t value = varint();
    return value <= UINT32_MAX ? static_cast<std::uint32_t>(value)
                               : static_cast<std::uint32_t>(fail());
  }
  std::string_view raw(std::size_t size) {
    if (in_.size() < size) {
      fail();
      return {};
    }
    const std::string_view bytes = in_.substr(0, size);
    in_.remove_prefix(size);
    return bytes;
  }
  std::string_view str() { return raw(static_cast<std::size_t>(varint())); }
  JobId id() {
    JobId id;
    id.high = be64();
    id.low = be64();
    return id;
  }
  Timestamp time() { return timestamp_from_ms(varint()); }
  IndexSet indexes() {
    IndexSet set;
    const std::uint64_t count = varint();
    std::uint64_t at = 0;
    for (std::uint64_t i = 0; i < count && ok_; ++i) {
      const std::uint64_t begin = at + varint();
      const std::uint64_t end = begin + varint();
      if (end > JobId::kIndexMask + 1 || begin >= end) {
        fail();
        return {};
      }
      set.insert_range({static_cast<JobIndex>(begin), static_cast<JobIndex>(end)});
      at = end;
    }
    return set;
  }

 private:
  std::uint64_t fail() {
    ok_ = false;
    in_ = {};
    return 0;
  }
  std::uint64_t big_endian(std::size_t bytes) {
    if (in_.size() < bytes) return fail();
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i)
      value = (value << 8) | static_cast<unsigned char>(in_[i]);
    in_.remove_prefix(bytes);
    return value;
  }

  std::string_view in_;
  bool ok_ = true;
};

}  // namespace pawl::core
