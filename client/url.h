#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <pawl/error.h>

namespace pawl::client {

inline constexpr std::uint16_t kDefaultPort = 7295;

struct Server {
  std::string host;  // A name or an address, an IPv6 one without its brackets.
  std::uint16_t port = kDefaultPort;

  friend bool operator==(const Server&, const Server&) = default;
};

// What "pawl://[credentials@]host[:port][,host[:port]]..." says. At least one server.
struct Url {
  std::string credentials;
  std::vector<Server> servers;
};

// Fails with `invalid_argument`, naming what is wrong but never the credentials.
Result<Url> parse_url(std::string_view text);

}  // namespace pawl::client
