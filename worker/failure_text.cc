#include "worker/failure_text.h"

#include <string_view>

#include "proto/wire.h"

namespace pawl::worker {
namespace {

constexpr std::size_t kErrorClassBytesMax = 128;
constexpr std::size_t kErrorMessageBytesMax = 4096;
constexpr std::size_t kErrorDetailBytesMax = std::size_t{64} << 10;
constexpr std::string_view kReplacement = "?";

bool continues(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

// How many bytes of UTF-8 the text begins with: a character of up to four, or 0.
std::size_t character_bytes(std::string_view text) {
  std::size_t bytes = 1;
  while (bytes < 4 && bytes < text.size() && continues(text[bytes])) ++bytes;
  return wire::valid_utf8(text.substr(0, bytes)) ? bytes : 0;
}

std::string as_utf8(std::string text) {
  if (wire::valid_utf8(text)) return text;
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t bytes = character_bytes(rest);
    out += bytes > 0 ? rest.substr(0, bytes) : kReplacement;
    rest.remove_prefix(bytes > 0 ? bytes : 1);
  }
  return out;
}

// Control characters are replaced. REQUIRES: it is UTF-8.
std::string on_one_line(std::string text) {
  if (!wire::has_control(text)) return text;
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view character = rest.substr(0, character_bytes(rest));
    out += wire::has_control(character) ? kReplacement : character;
    rest.remove_prefix(character.size());
  }
  return out;
}

std::string cut_front(std::string text, std::size_t bytes_max) {
  if (text.size() > bytes_max) {
    std::size_t from = text.size() - bytes_max;
    while (from < text.size() && continues(text[from])) ++from;
    text.erase(0, from);
  }
  return text;
}

}  // namespace

std::string cut_text(std::string text, std::size_t bytes_max) {
  text = as_utf8(std::move(text));
  if (text.size() <= bytes_max) return text;
  std::size_t bytes = bytes_max;
  while (bytes > 0 && continues(text[bytes])) --bytes;
  text.resize(bytes);
  return text;
}

std::string cut_line(std::string text, std::size_t bytes_max) {
  return cut_text(on_one_line(as_utf8(std::move(text))), bytes_max);
}

Failure fit_for_report(Failure failure) {
  failure.error_class = cut_line(std::move(failure.error_class), kErrorClassBytesMax);
  failure.message = cut_text(std::move(failure.message), kErrorMessageBytesMax);
  failure.detail = cut_front(as_utf8(std::move(failure.detail)), kErrorDetailBytesMax);
  return failure;
}

}  // namespace pawl::worker
