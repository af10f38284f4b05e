#include "proto/frame.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <cstring>

namespace pawl::wire {
namespace {

// A buffer that grew beyond this is given back once it is empty.
constexpr std::size_t kKeptBytes = std::size_t{512} * 1024;

std::uint32_t load_be32(const char* bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < kFrameHeaderBytes; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

void store_be32(char* bytes, std::size_t value) {
  for (std::size_t i = kFrameHeaderBytes; i-- > 0; value >>= 8) {
    bytes[i] = static_cast<char>(value & 0xff);
  }
}

}  // namespace

void FrameReader::feed(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::span<char> space = prepare(bytes.size());
  std::memcpy(space.data(), bytes.data(), bytes.size());
  commit(bytes.size());
}

void FrameReader::feed(std::span<const std::byte> bytes) {
  feed(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

std::span<char> FrameReader::prepare(std::size_t bytes) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (capacity_ > kKeptBytes && bytes <= kKeptBytes) {
      buffer_.reset();
      capacity_ = 0;
    }
  }
  if (capacity_ - end_ < bytes && begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (capacity_ - end_ < bytes) grow(std::max(end_ + bytes, end_ * 2));
  return {buffer_.get() + end_, capacity_ - end_};
}

void FrameReader::commit(std::size_t bytes) {
  assert(bytes <= capacity_ - end_);
  end_ += bytes;
}

std::optional<std::string_view> FrameReader::next() {
  if (error_ != FrameError::none || buffered_bytes() < kFrameHeaderBytes) return std::nullopt;

  const std::size_t body_bytes = load_be32(buffer_.get() + begin_);
  if (body_bytes == 0) error_ = FrameError::empty;
  if (body_bytes > frame_bytes_max_) error_ = FrameError::too_large;
  if (error_ != FrameError::none) return std::nullopt;

  if (buffered_bytes() - kFrameHeaderBytes < body_bytes) return std::nullopt;
  const std::string_view body(buffer_.get() + begin_ + kFrameHeaderBytes, body_bytes);
  begin_ += kFrameHeaderBytes + body_bytes;
  return body;
}

void FrameReader::grow(std::size_t capacity) {
  auto larger = std::make_unique_for_overwrite<char[]>(capacity);
  if (end_ > 0) std::memcpy(larger.get(), buffer_.get(), end_);
  buffer_ = std::move(larger);
  capacity_ = capacity;
}

void append_frame(std::string& out, std::string_view body) {
  const std::size_t begun = begin_frame(out);
  out.append(body);
  end_frame(out, begun);
}

std::size_t begin_frame(std::string& out) {
  out.append(kFrameHeaderBytes, '\0');
  return out.size();
}

void end_frame(std::string& out, std::size_t begun) {
  assert(begun >= kFrameHeaderBytes && begun <= out.size() && out.size() - begun <= UINT32_MAX);
  store_be32(out.data() + begun - kFrameHeaderBytes, out.size() - begun);
}

}  // namespace pawl::wire
