#include "broker/core/list_cursor.h"

#include "broker/core/bytes_io.h"
#include "broker/core/keys.h"

namespace pawl::core {
namespace {

constexpr TypeNumber kAnyType = 0xffffffff;
constexpr std::size_t kTakenBytes = 4;
constexpr std::size_t kLaneKeyBytes = 8;
constexpr std::size_t kReadyKeyBytes = 18;
constexpr std::size_t kListedKeyBytes = 37;

bool has_place(const ListCursor& cursor) {
  const std::string_view place = cursor.place;
  if (cursor.state == JobState::processing) {
    return place.size() == 16 && Reader(place).id().well_formed();
  }
  if (place.size() < kTakenBytes) return false;
  const std::string_view key = place.substr(kTakenBytes);
  if (cursor.state == JobState::pending) {
    return key.size() == kLaneKeyBytes || key.size() == kReadyKeyBytes;
  }
  return key.size() == kListedKeyBytes &&
         key.starts_with(cursor.type ? keys::listed_prefix(cursor.queue, cursor.state, *cursor.type)
                                     : keys::listed_prefix(cursor.queue, cursor.state));
}

}  // namespace

std::string ListCursor::encode() const {
  std::string bytes;
  Writer writer(bytes);
  writer.be32(queue).u8(static_cast<std::uint8_t>(state)).be32(type.value_or(kAnyType)).raw(place);
  return bytes;
}

std::optional<ListCursor> ListCursor::decode(std::string_view bytes) {
  Reader reader(bytes);
  ListCursor cursor;
  cursor.queue = reader.be32();
  cursor.state = static_cast<JobState>(reader.u8());
  const TypeNumber type = reader.be32();
  if (type != kAnyType) cursor.type = type;
  if (!reader.ok()) return std::nullopt;
  cursor.place = std::string(reader.rest());
  if (!has_place(cursor)) return std::nullopt;
  return cursor;
}

bool is_list_cursor(std::string_view bytes, JobState state) {
  const auto cursor = ListCursor::decode(bytes);
  return cursor && cursor->state == state;
}

}  // namespace pawl::core
