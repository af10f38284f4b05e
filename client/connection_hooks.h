#pragma once

#include <cstdint>
#include <functional>

#include "proto/pawl.pb.h"
#include <pawl/error.h>

namespace pawl::client {

// What a connection asks and tells its owner; all on the connection's thread, none may throw or
// block.
struct ConnectionHooks {
  // The Hello of the next connection: what to resume, which jobs are held. Protocol version, client
  // name and version, and the URL's credentials are filled in afterwards. May be empty, as may all.
  std::function<pb::Hello()> make_hello;
  // The broker has answered the Hello. What is in flight is sent again after this returns.
  std::function<void(const pb::HelloReply&)> on_connected;
  // The connection is gone, or the broker refused the Hello. Once for each connection that was
  // tried.
  std::function<void(const Error&)> on_disconnected;
  // A Reply of id 0: cancelled, stop.
  std::function<void(const pb::Reply&)> on_push;
  // The broker's timeline as a Pong has just told it, in Unix milliseconds.
  std::function<void(std::uint64_t)> on_server_time{};
};

}  // namespace pawl::client
