#include "broker/id_text.h"

#include "proto/uuid.h"

namespace pawl {

std::string id_text(const core::JobId& id) {
  wire::Uuid bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(id.high >> (56 - 8 * i));
    bytes[i + 8] = static_cast<std::uint8_t>(id.low >> (56 - 8 * i));
  }
  return wire::uuid_text(bytes);
}

}  // namespace pawl
