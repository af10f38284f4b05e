#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace pawl::store {

// Holds the bytes of an answer's rows. Growing moves nothing, so views stay valid as long as the
// arena lives.
class RowArena {
 public:
  // The place of `size` bytes, to be filled by the caller.
  char* place(std::size_t size) {
    if (size > left_) grow(size);
    char* at = next_;
    next_ += size;
    left_ -= size;
    return at;
  }

  std::string_view keep(std::string_view bytes) {
    if (bytes.empty()) return {};
    char* at = place(bytes.size());
    std::memcpy(at, bytes.data(), bytes.size());
    return {at, bytes.size()};
  }

 private:
  static constexpr std::size_t kFirstChunk = 2 << 10;
  static constexpr std::size_t kLargestChunk = 256 << 10;

  void grow(std::size_t size) {
    const std::size_t chunk = std::max(size, chunk_);
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(chunk));
    next_ = chunks_.back().get();
    left_ = chunk;
    chunk_ = std::min(chunk_ * 2, kLargestChunk);
  }

  std::vector<std::unique_ptr<char[]>> chunks_;
  std::size_t chunk_ = kFirstChunk;
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace pawl::store
