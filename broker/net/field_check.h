#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "broker/core/errc.h"
#include "broker/core/limits.h"
#include "broker/core/types.h"
#include "proto/wire.h"

namespace pawl::net {

// Why a request or a job is refused.
struct Fault {
  core::Errc code = core::Errc::ok;
  std::string message;
};

// Takes values out of fields and holds them against their rules. Remembers the first broken rule;
// after it every answer is zero or empty. `name` is the field's name as people know it. Views point
// into the field.
class FieldCheck {
 public:
  bool ok() const { return fault_.code == core::Errc::ok; }
  Fault& fault() { return fault_; }
  void refuse(core::Errc code, std::string message);

  // 1 to 128 of A-Z a-z 0-9 _ . : -
  std::string_view identifier(const wire::Field& field, std::string_view name);
  // The same, or empty.
  std::string_view optional_identifier(const wire::Field& field, std::string_view name);
  // UTF-8 without control characters, for one line.
  std::string_view line(const wire::Field& field, std::string_view name, std::size_t bytes_max);
  // UTF-8.
  std::string_view text(const wire::Field& field, std::string_view name, std::size_t bytes_max);
  std::string_view bytes(const wire::Field& field, std::string_view name, std::size_t bytes_max);
  std::string_view message(const wire::Field& field, std::string_view name);

  std::uint64_t number(const wire::Field& field, std::string_view name, std::uint64_t max);
  std::uint32_t number32(const wire::Field& field, std::string_view name,
                         std::uint32_t max = UINT32_MAX) {
    return static_cast<std::uint32_t>(number(field, name, max));
  }
  core::Milliseconds duration(const wire::Field& field, std::string_view name,
                              core::Milliseconds max) {
    return core::Milliseconds(
        static_cast<std::int64_t>(number(field, name, static_cast<std::uint64_t>(max.count()))));
  }
  std::uint64_t fixed64(const wire::Field& field, std::string_view name);

  // 16 bytes in UUIDv7 form.
  core::JobId job_id(const wire::Field& field, std::string_view name);
  // The same, with index 0.
  core::BatchId batch_id(const wire::Field& field, std::string_view name);

  // A field that nobody knows is skipped, up to a bound for all of them together.
  void unknown(const wire::Field& field);

  // To be called after the last field: bytes that end within a field are a fault too.
  void finish(const wire::FieldReader& reader, std::string_view name);

 private:
  bool is(const wire::Field& field, wire::WireType type, std::string_view name);
  void too_large(std::string_view name, std::size_t bytes_max);

  Fault fault_;
  std::size_t unknown_bytes_ = 0;
};

// 16 bytes, big-endian.
core::JobId id_from_bytes(std::string_view bytes);
void append_id(std::string& out, const core::JobId& id);

}  // namespace pawl::net
