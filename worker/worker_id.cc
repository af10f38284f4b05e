#include "worker/worker_id.h"

#include <algorithm>

namespace pawl::worker {
namespace {

constexpr std::size_t kBytesMax = 128;

// Not isalnum(): a program's locale may call more than ASCII letters.
bool is_allowed(char byte) {
  return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
         (byte >= '0' && byte <= '9') || byte == '_' || byte == '.' || byte == ':' || byte == '-';
}

}  // namespace

bool is_worker_id(std::string_view text) {
  return !text.empty() && text.size() <= kBytesMax && std::ranges::all_of(text, is_allowed);
}

std::string default_worker_id(std::string_view host, long pid) {
  const std::string suffix = ":" + std::to_string(pid);
  std::string id(host.substr(0, kBytesMax - suffix.size()));
  std::ranges::replace_if(
      id, [](char byte) { return !is_allowed(byte); }, '_');
  return id + suffix;
}

}  // namespace pawl::worker
