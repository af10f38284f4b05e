#include "client/hello_text.h"

#include <algorithm>
#include <string_view>

#include "proto/wire.h"

namespace pawl::client {
namespace {

bool is_printable(char byte) {
  return byte >= 0x20 && byte < 0x7f;
}

// The bytes of `text` up to `bytes_max`, less those of a character that does not fit. REQUIRES:
// `text` is UTF-8.
std::size_t cut_between(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text.size();
  std::size_t bytes = bytes_max;
  while (bytes > 0 && (text[bytes] & 0xc0) == 0x80) --bytes;
  return bytes;
}

}  // namespace

std::string hello_text(std::string name, std::size_t bytes_max) {
  if (!wire::valid_utf8(name) || wire::has_control(name)) {
    std::ranges::replace_if(
        name, [](char byte) { return !is_printable(byte); }, '_');
  }
  name.resize(cut_between(name, bytes_max));
  return name;
}

}  // namespace pawl::client
