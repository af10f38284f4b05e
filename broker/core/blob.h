#pragma once

#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace pawl::core {

// Bytes that somebody owns together with others: a slice of a frame or of a page that was read.
// Copying is cheap and copies no bytes; the slice stays valid as long as any copy lives.
// Thread-safe as shared_ptr is.
class Blob {
 public:
  Blob() = default;
  Blob(std::shared_ptr<const void> owner, std::string_view bytes)
      : owner_(std::move(owner)), bytes_(bytes) {}

  static Blob copy_of(std::string_view bytes) {
    if (bytes.empty()) return {};
    auto owner = std::make_shared_for_overwrite<char[]>(bytes.size());
    std::memcpy(owner.get(), bytes.data(), bytes.size());
    const std::string_view view(owner.get(), bytes.size());
    return {std::move(owner), view};
  }

  std::string_view view() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  Blob slice(std::size_t offset, std::size_t count) const {
    return {owner_, bytes_.substr(offset, count)};
  }

 private:
  std::shared_ptr<const void> owner_;
  std::string_view bytes_;
};

}  // namespace pawl::core
