#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pawl::wire {

// A frame on the wire:  body_bytes:be32 body.  An empty body is not a frame.
inline constexpr std::size_t kFrameHeaderBytes = 4;

enum class FrameError { none, empty, too_large };

// Cuts a stream of bytes into frames. Memory follows the bytes that have come, never the length
// that a header announces; a frame over the bound is refused as soon as its header is complete. Not
// thread-safe.
class FrameReader {
 public:
  explicit FrameReader(std::size_t frame_bytes_max) : frame_bytes_max_(frame_bytes_max) {}

  // Takes bytes in by copy. Invalidates what next() has returned.
  void feed(std::string_view bytes);
  void feed(std::span<const std::byte> bytes);

  // The same without the copy: read into the whole or the front of prepare()'s space (at least
  // `bytes` long), then say by commit() how much came. prepare() invalidates what next() has
  // returned.
  std::span<char> prepare(std::size_t bytes);
  void commit(std::size_t bytes);

  // The body of the next whole frame, or nothing: then more bytes are needed, unless error() is
  // set, which is for good.
  std::optional<std::string_view> next();
  FrameError error() const { return error_; }

  // For the bound that a handshake changes. It counts from the next call of next().
  void set_frame_bytes_max(std::size_t bytes) { frame_bytes_max_ = bytes; }

  // Bytes that came and that next() has not returned.
  std::size_t buffered_bytes() const { return end_ - begin_; }
  std::size_t capacity_bytes() const { return capacity_; }

 private:
  void grow(std::size_t capacity);

  std::size_t frame_bytes_max_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  FrameError error_ = FrameError::none;
};

void append_frame(std::string& out, std::string_view body);

// For a body that is written straight into `out`: hand what begin_frame() returns to end_frame().
std::size_t begin_frame(std::string& out);
void end_frame(std::string& out, std::size_t begun);

}  // namespace pawl::wire
