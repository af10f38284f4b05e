#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "broker/core/reply.h"
#include "broker/net/output.h"

namespace pawl::net {

inline constexpr std::uint32_t kProtocolVersion = 1;

// What Hello and Ping are told about this broker.
struct Greeting {
  std::string version;
  std::size_t frame_bytes_max = 0;
  std::size_t payload_bytes_max = 0;
  core::Milliseconds heartbeat{0};
  core::Milliseconds lease{0};
  std::size_t requests_in_flight_max = 0;
  std::size_t unread_reply_bytes_max = 0;
};

// Reply -> wire: each appends one whole frame.

// Any answer of the engine but SessionOpened. A frame that would be over the bound becomes a
// too_large.
void encode_reply(const core::Reply& reply, Output& output);
void encode_refused(std::uint64_t request, const core::Refused& refused, Output& output);
void encode_hello(std::uint64_t request, const Greeting& greeting, core::Timestamp now,
                  const core::SessionOpened* session, Output& output);
void encode_ping(std::uint64_t request, const Greeting& greeting, core::Timestamp now,
                 core::Milliseconds uptime, Output& output);
void encode_stop(std::string_view reason, Output& output);
// Deliveries go out as they were stored: only the words around them are written, large records are
// referred to.
void encode_granted(std::uint64_t request, const core::Granted& granted, Output& output);

}  // namespace pawl::net
