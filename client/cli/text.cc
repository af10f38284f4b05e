#include "client/cli/text.h"

#include <array>
#include <cstdint>

#include <fmt/format.h>

namespace pawl::cli {
namespace {

constexpr std::string_view kEllipsis = "\u2026";

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// The first character of a text that is not empty.
CodePoint decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return {};
  std::uint32_t value = first & (0xffu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3fu);
  }
  constexpr std::array<std::uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kLeast[bytes] || value > 0x10ffff || surrogate) return {};
  return {value, bytes, true};
}

bool is_control(std::uint32_t value) {
  const bool c0_c1 = value < 0x20 || (value >= 0x7f && value < 0xa0);
  // Marks that reorder a line, and the separators that break one.
  const bool bidi = (value >= 0x202a && value <= 0x202e) || (value >= 0x2066 && value <= 0x2069);
  return c0_c1 || bidi || value == 0x2028 || value == 0x2029;
}

std::size_t width_of(std::uint32_t value) {
  struct Range {
    std::uint32_t first, last;
  };
  static constexpr std::array<Range, 8> kWide = {{{0x1100, 0x115f},
                                                  {0x2e80, 0x303e},
                                                  {0x3041, 0xa4cf},
                                                  {0xac00, 0xd7a3},
                                                  {0xf900, 0xfaff},
                                                  {0xfe30, 0xfe6f},
                                                  {0xff00, 0xff60},
                                                  {0x1f300, 0x1faff}}};
  if (value >= 0x300 && value <= 0x36f) return 0;  // Combining marks.
  for (const Range& wide : kWide) {
    if (value >= wide.first && value <= wide.last) return 2;
  }
  return value >= 0x20000 && value <= 0x3fffd ? 2 : 1;
}

void append_escaped(std::string& out, std::uint32_t value) {
  switch (value) {
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      out += value < 0x100 ? fmt::format("\\x{:02x}", value) : fmt::format("\\u{:04x}", value);
  }
}

std::string escape(std::string_view text, std::string_view kept) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = decode(text);
    const bool keep = kept.find(text.front()) != std::string_view::npos;
    if (!point.valid) {
      append_escaped(out, static_cast<unsigned char>(text.front()));
    } else if (is_control(point.value) && !keep) {
      append_escaped(out, point.value);
    } else {
      out += text.substr(0, point.bytes);
    }
    text.remove_prefix(point.bytes);
  }
  return out;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const CodePoint point = decode(text);
    width += width_of(point.value);
    text.remove_prefix(point.bytes);
  }
  return width;
}

std::string cut_to_width(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::size_t used = 0;
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const CodePoint point = decode(text.substr(bytes));
    if (used + width_of(point.value) > width - 1) break;
    used += width_of(point.value);
    bytes += point.bytes;
  }
  return std::string(text.substr(0, bytes)) + std::string(kEllipsis);
}

std::string one_line(std::string_view text) {
  return escape(text, {});
}

std::string printable(std::string_view text) {
  return escape(text, "\n\t");
}

}  // namespace pawl::cli
