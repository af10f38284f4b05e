#include "broker/net/field_check.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace pawl::net {
namespace {

using core::Errc;

constexpr std::array<bool, 256> kIdentifierBytes = [] {
  std::array<bool, 256> allowed{};
  for (const char byte :
       std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-")) {
    allowed[static_cast<unsigned char>(byte)] = true;
  }
  return allowed;
}();

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace

void FieldCheck::refuse(Errc code, std::string message) {
  if (ok()) fault_ = {code, std::move(message)};
}

bool FieldCheck::is(const wire::Field& field, wire::WireType type, std::string_view name) {
  if (field.type == type) return ok();
  refuse(Errc::invalid_argument, fmt::format("{} has the wrong wire type", name));
  return false;
}

void FieldCheck::too_large(std::string_view name, std::size_t bytes_max) {
  refuse(Errc::too_large, fmt::format("{} is over {} bytes", name, bytes_max));
}

std::string_view FieldCheck::optional_identifier(const wire::Field& field, std::string_view name) {
  const std::string_view value = bytes(field, name, core::limits::kNameBytesMax);
  const bool allowed = std::ranges::all_of(
      value, [](char byte) { return kIdentifierBytes[static_cast<unsigned char>(byte)]; });
  if (allowed) return value;
  refuse(Errc::invalid_argument, fmt::format("{} may have only A-Z a-z 0-9 _ . : -", name));
  return {};
}

std::string_view FieldCheck::identifier(const wire::Field& field, std::string_view name) {
  const std::string_view value = optional_identifier(field, name);
  if (value.empty()) refuse(Errc::invalid_argument, fmt::format("{} is empty", name));
  return value;
}

std::string_view FieldCheck::line(const wire::Field& field, std::string_view name,
                                  std::size_t bytes_max) {
  const std::string_view value = text(field, name, bytes_max);
  if (!wire::has_control(value)) return value;
  refuse(Errc::invalid_argument, fmt::format("{} has control characters", name));
  return {};
}

std::string_view FieldCheck::text(const wire::Field& field, std::string_view name,
                                  std::size_t bytes_max) {
  const std::string_view value = bytes(field, name, bytes_max);
  if (wire::valid_utf8(value)) return value;
  refuse(Errc::invalid_argument, fmt::format("{} is not UTF-8", name));
  return {};
}

std::string_view FieldCheck::bytes(const wire::Field& field, std::string_view name,
                                   std::size_t bytes_max) {
  if (!is(field, wire::WireType::bytes, name)) return {};
  if (field.bytes.size() <= bytes_max) return field.bytes;
  too_large(name, bytes_max);
  return {};
}

std::string_view FieldCheck::message(const wire::Field& field, std::string_view name) {
  return is(field, wire::WireType::bytes, name) ? field.bytes : std::string_view();
}

std::uint64_t FieldCheck::number(const wire::Field& field, std::string_view name,
                                 std::uint64_t max) {
  if (!is(field, wire::WireType::varint, name)) return 0;
  if (field.value <= max) return field.value;
  refuse(Errc::invalid_argument, fmt::format("{} is over {}", name, max));
  return 0;
}

std::uint64_t FieldCheck::fixed64(const wire::Field& field, std::string_view name) {
  return is(field, wire::WireType::fixed64, name) ? field.value : 0;
}

core::JobId FieldCheck::job_id(const wire::Field& field, std::string_view name) {
  if (!is(field, wire::WireType::bytes, name)) return {};
  const bool whole = field.bytes.size() == 16;
  const core::JobId id = whole ? id_from_bytes(field.bytes) : core::JobId{};
  if (whole && id.well_formed()) return id;
  refuse(Errc::invalid_argument, fmt::format("{} is not 16 bytes in UUIDv7 form", name));
  return {};
}

core::BatchId FieldCheck::batch_id(const wire::Field& field, std::string_view name) {
  const core::BatchId id = job_id(field, name);
  if (id.index() == 0) return id;
  refuse(Errc::invalid_argument, fmt::format("{} has an index, a batch's id has none", name));
  return {};
}

void FieldCheck::unknown(const wire::Field& field) {
  unknown_bytes_ += field.raw.size();
  if (unknown_bytes_ <= core::limits::kUnknownBytesMax) return;
  refuse(Errc::invalid_argument,
         fmt::format("over {} bytes of unknown fields", core::limits::kUnknownBytesMax));
}

void FieldCheck::finish(const wire::FieldReader& reader, std::string_view name) {
  if (!reader.ok()) {
    refuse(Errc::invalid_argument, fmt::format("{} is not a protobuf message", name));
  }
}

core::JobId id_from_bytes(std::string_view bytes) {
  return {big_endian(bytes.substr(0, 8)), big_endian(bytes.substr(8, 8))};
}

void append_id(std::string& out, const core::JobId& id) {
  for (const std::uint64_t half : {id.high, id.low}) {
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(half >> shift));
  }
}

}  // namespace pawl::net
