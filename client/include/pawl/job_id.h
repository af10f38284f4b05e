#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <pawl/export.h>
#include <pawl/options.h>

namespace pawl::inline v1 {

// 128 bits in UUIDv7 form; its text is a UUID's. An id sorts by the time at which its batch was
// made.
class PAWL_API JobId {
 public:
  using Bytes = std::array<std::uint8_t, 16>;

  JobId() {}
  explicit JobId(const Bytes& bytes) : bytes_(bytes) {}
  // Nothing when the text is not 36 characters of a UUID; case does not matter.
  static std::optional<JobId> parse(std::string_view text);

  const Bytes& bytes() const { return bytes_; }
  std::string to_string() const;
  // The job's place in its batch.
  unsigned index() const { return (bytes_[14] & 0x0fu) << 8 | bytes_[15]; }
  // The id's own time: when the client made the batch, by the broker's timeline.
  Time time() const;

  friend bool operator==(const JobId&, const JobId&) = default;
  friend auto operator<=>(const JobId&, const JobId&) = default;

 private:
  Bytes bytes_{};
};

}  // namespace pawl::inline v1

template <>
struct std::hash<pawl::JobId> {
  std::size_t operator()(const pawl::JobId& id) const noexcept {
    return std::hash<std::string_view>()(
        std::string_view(reinterpret_cast<const char*>(id.bytes().data()), id.bytes().size()));
  }
};
