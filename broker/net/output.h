#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>

#include "broker/core/blob.h"

namespace pawl::net {

// What waits to be written to one connection: text that we made, and blobs that others own, in
// order. Large blobs are referred to, small ones copied, since a buffer more costs the kernel more
// than copying them does. Not thread-safe.
class Output {
 public:
  // Text to append to; valid until append() or text() is called. What was written is freed segment
  // by segment, so no segment may grow for ever.
  std::string& text() {
    if (segments_.empty() || segments_.back().text.size() >= kSegmentBytes ||
        !segments_.back().blob.empty()) {
      begin_segment();
    }
    return segments_.back().text;
  }
  void append(const core::Blob& blob) {
    if (blob.size() < kReferredFrom) {
      text().append(blob.view());
      return;
    }
    text();
    segments_.back().blob = blob;
  }

  bool empty() const { return segments_.empty(); }
  // Everything not yet written, blobs too.
  std::size_t bytes() const { return held_bytes() - written_; }
  // Everything that is kept in memory: what was written of the front too.
  std::size_t held_bytes() const {
    return segments_.empty() ? 0 : full_bytes_ + segments_.back().bytes();
  }

  // The front, for one gathered write. Valid until the next call of text(), append() or consume().
  const std::vector<boost::asio::const_buffer>& front() {
    buffers_.clear();
    std::size_t skip = written_;
    for (const Segment& segment : segments_) {
      add(segment.text, skip);
      add(segment.blob.view(), skip);
      if (buffers_.size() + 2 > kBuffersMax) break;
    }
    return buffers_;
  }
  // The first `bytes` of front() were written.
  void consume(std::size_t bytes) {
    written_ += bytes;
    while (!segments_.empty() && written_ >= segments_.front().bytes()) {
      written_ -= segments_.front().bytes();
      if (segments_.size() > 1) full_bytes_ -= segments_.front().bytes();
      segments_.pop_front();
    }
  }

 private:
  static constexpr std::size_t kReferredFrom = 4096;
  static constexpr std::size_t kSegmentBytes = 64 << 10;
  static constexpr std::size_t kBuffersMax = 64;  // Asio hands no more to the kernel at once.

  struct Segment {
    std::string text;
    core::Blob blob;  // After the text.
    std::size_t bytes() const { return text.size() + blob.size(); }
  };

  void begin_segment() {
    full_bytes_ = held_bytes();
    segments_.emplace_back();
  }
  void add(std::string_view bytes, std::size_t& skip) {
    const std::size_t skipped = std::min(skip, bytes.size());
    skip -= skipped;
    if (bytes.size() > skipped) {
      buffers_.emplace_back(bytes.data() + skipped, bytes.size() - skipped);
    }
  }

  std::deque<Segment> segments_;
  std::vector<boost::asio::const_buffer> buffers_;
  std::size_t full_bytes_ = 0;  // Of all segments but the last.
  std::size_t written_ = 0;     // Of the first segment.
};

}  // namespace pawl::net
