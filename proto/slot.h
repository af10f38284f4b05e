#pragma once

#include <cstdint>
#include <string_view>

namespace pawl::wire {

inline constexpr std::uint32_t kSlots = 4096;
inline constexpr std::string_view kDefaultNamespace = "default";

// The slot of a queue, 12 bits, which every id of its jobs carries: FNV-1a 64 over namespace, a
// zero byte and queue, folded. Part of the protocol. An empty namespace is the default one.
constexpr std::uint16_t slot_of(std::string_view name_space, std::string_view queue) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  const auto add = [&hash](char byte) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
  };
  if (name_space.empty()) name_space = kDefaultNamespace;
  for (const char byte : name_space) add(byte);
  add('\0');
  for (const char byte : queue) add(byte);
  return static_cast<std::uint16_t>(
      (hash ^ hash >> 12 ^ hash >> 24 ^ hash >> 36 ^ hash >> 48 ^ hash >> 60) & (kSlots - 1));
}

}  // namespace pawl::wire
