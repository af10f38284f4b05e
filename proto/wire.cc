#include "proto/wire.h"

namespace pawl::wire {
namespace {

constexpr std::uint64_t kHighBits = 0x8080808080808080u;

// How many bytes at the front are plain ASCII, eight at a time.
std::size_t ascii_front(std::string_view text) {
  std::size_t at = 0;
  for (; text.size() - at >= 8; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    if ((word & kHighBits) != 0) break;
  }
  return at;
}

// Length of the sequence at the front, or 0.
std::size_t sequence_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t bytes = lead < 0xc2   ? 0
                            : lead < 0xe0 ? 2
                            : lead < 0xf0 ? 3
                            : lead < 0xf5 ? 4
                                          : 0;
  if (bytes == 0 || text.size() < bytes) return 0;
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;  // Overlong.
  if (lead == 0xed && byte(1) > 0x9f) return 0;  // Surrogates.
  if (lead == 0xf0 && byte(1) < 0x90) return 0;  // Overlong.
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;  // Over U+10FFFF.
  return bytes;
}

}  // namespace

bool valid_utf8(std::string_view text) {
  text.remove_prefix(ascii_front(text));
  while (!text.empty()) {
    const std::size_t bytes = sequence_bytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

bool has_control(std::string_view text) {
  unsigned char before = 0;
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    if (code < 0x20 || code == 0x7f || (before == 0xc2 && code < 0xa0)) return true;
    before = code;
  }
  return false;
}

}  // namespace pawl::wire
