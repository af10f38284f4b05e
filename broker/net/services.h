#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "broker/core/command.h"
#include "broker/core/limits.h"
#include "broker/core/types.h"
#include "broker/net/encode.h"
#include "broker/net/job_facts.h"

namespace pawl::net {

// Where commands go. Thread-safe.
class CommandSink {
 public:
  CommandSink() = default;
  CommandSink(const CommandSink&) = delete;
  CommandSink& operator=(const CommandSink&) = delete;
  virtual ~CommandSink() = default;

  // `bytes` is about what the command keeps in memory. False: no room now, and the command was not
  // taken.
  virtual bool post(core::Command&& command, std::size_t bytes) = 0;

  // For a Heartbeat, of which each connection has one in flight at most: an overloaded broker must
  // not take leases away.
  virtual void post_always(core::Command&& command) = 0;
};

// What the network side needs of the rest of the broker. Must outlive it.
struct Services {
  CommandSink& commands;
  std::function<core::Now()> now;  // Thread-safe.
  // An id that nobody can guess, for a worker's session. Thread-safe.
  std::function<core::SessionId()> draw_session;
};

// What operators may set. The defaults are the documented ones.
struct NetSettings {
  std::string address = "127.0.0.1";
  std::uint16_t port = 7295;  // 0: the kernel chooses.
  std::size_t threads = 1;
  std::size_t connections_max = 20'000;
  std::size_t fresh_max = 512;  // Connections that have not said Hello.
  std::size_t in_flight_max = 256;
  std::size_t output_bytes_max = 8 << 20;     // Unread replies of one connection.
  std::size_t client_bytes_max = 512U << 20;  // Unread replies and read buffers of all of them.
  core::Milliseconds hello_within{5'000};
  core::Milliseconds frame_within{10'000};  // A begun frame must get on in this time.
  core::Milliseconds write_within{10'000};  // So must a reply,
  core::Milliseconds unread_within{3'000};  // and sooner where output_bytes_max are left.
  core::Milliseconds linger{1'000};  // To let a last error be read before the connection ends.
  core::Milliseconds idle{10'000};   // After it a connection gives its large read buffer back.
  core::Milliseconds tick{250};      // How often these are looked at.
  JobBounds job;
  Greeting greeting;
  std::chrono::steady_clock::time_point started =
      std::chrono::steady_clock::now();  // For the uptime.
};

}  // namespace pawl::net
